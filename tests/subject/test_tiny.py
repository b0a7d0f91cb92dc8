"""The smallest configuration that a model class runs with."""

import pytest

from porter.subject.tiny import tiny_case

transformers = pytest.importorskip("transformers")


def test_sub_configurations_keep_the_values_that_are_not_shrunk():
    layers = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    text = {**layers, "vocab_size": 99, "max_position_embeddings": 32, "bos_token_id": 97, "eos_token_id": 98}
    vision = {**layers, "image_size": 12, "patch_size": 3, "hidden_act": "gelu"}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)
    case = tiny_case("clip", transformers.CLIPModel, config.to_diff_dict())
    kept = case.config["vision_config"]
    assert (kept["hidden_size"], kept["patch_size"], kept["hidden_act"]) == (16, 3, "gelu")
    assert case.config["projection_dim"] == 8
    assert {spec.name: spec.shape for spec in case.inputs}["pixel_values"][-1] == kept["image_size"]


def test_ids_are_as_small_as_the_vocabulary_of_a_checkpoint():
    layers = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    case = tiny_case("bert", transformers.BertModel, {**layers, "vocab_size": 12})
    ids = next(spec for spec in case.inputs if spec.name == "input_ids")
    assert ids.gen["high"] <= case.config["vocab_size"] == 12
