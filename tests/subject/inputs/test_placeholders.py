"""Ids stand for as many images as the model makes vectors of."""

import pytest
from transformers import BertConfig, BertModel, LlavaModel

from porter.subject.inputs.modalities import modalities_of
from porter.subject.inputs.placeholders import with_placeholders
from porter.subject.tiny import tiny_case


@pytest.fixture(scope="module")
def case():
    return tiny_case("llava", LlavaModel)


def test_a_tiny_model_of_images_and_text_gets_both(case):
    by_name = {spec.name: spec for spec in case.inputs}
    assert {"input_ids", "pixel_values", "attention_mask"} == set(by_name)
    ids = by_name["input_ids"]
    token = case.config["image_token_index"]
    rows = [ids.gen["data"][: ids.shape[1]], ids.gen["data"][ids.shape[1] :]]
    assert [row.count(token) for row in rows] == [ids.shape[1] - 5] * 2
    assert rows[0] != rows[1]
    assert rows[0][-1] != token  # a longer row goes on with its last token


def test_a_model_of_text_alone_has_no_placeholders():
    model = BertModel(BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8))
    assert modalities_of(model) == []
    assert list(with_placeholders(model)) == []
