"""The smallest configuration that a model class runs with."""

import pytest

from porter.subject.shrink import STRATEGIES, shrink
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


def test_parts_keep_what_their_own_class_does_not_give_them():
    text = {"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 1}
    small = shrink(transformers.LlavaConfig(text_config=text), STRATEGIES[0])
    assert transformers.LlavaConfig(**small).text_config.num_key_value_heads == 1


class SectionedConfig(transformers.PretrainedConfig):
    """Heads of 32, whose halves are told apart in three sections; pictures put together from several."""

    def __init__(
        self, hidden_size=128, num_attention_heads=4, rotary=None, tile_pinpoints=None, vision_config=None, **kwargs
    ):
        self.hidden_size, self.num_attention_heads = hidden_size, num_attention_heads
        self.rotary = rotary or {"base": 10_000.0, "mrope_section": [4, 6, 6]}
        self.tile_pinpoints = tile_pinpoints or [[336, 672], [672, 672]]
        self.vision_config = vision_config or transformers.CLIPVisionConfig(image_size=336, patch_size=14)
        super().__init__(**kwargs)


def test_sections_of_a_head_and_pictures_of_several_shrink_with_it():
    small = shrink(SectionedConfig(), STRATEGIES[0])
    assert small["hidden_size"] == 32
    assert small["rotary"] == {"base": 10_000.0, "mrope_section": [1, 1, 2]}
    side = small["vision_config"]["image_size"]
    assert small["tile_pinpoints"] == [[side, 2 * side], [2 * side, 2 * side]]
