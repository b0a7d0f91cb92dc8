"""Ids stand for as many images as the model makes vectors of."""

import pytest
from transformers import BertConfig, BertModel, LlavaConfig, LlavaModel

from porter.subject.inputs.modalities import modalities_of
from porter.subject.inputs.placeholders import with_placeholders
from porter.subject.tiny import tiny_case


class TiledLlava(LlavaModel):
    """Takes images in parts, and a mask that tells which of them are there: for each one value."""

    def get_image_features(self, pixel_values, pixel_attention_mask, **kwargs):
        if pixel_values.shape[1] != 2:
            raise ValueError("two parts")
        return super().get_image_features(pixel_values[pixel_attention_mask], **kwargs)

    def forward(self, input_ids, pixel_values=None, pixel_attention_mask=None, attention_mask=None):
        return super().forward(input_ids, pixel_values, attention_mask)


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


def test_parts_of_images_have_a_mask_of_one_value_each(case):
    found = list(with_placeholders(TiledLlava(LlavaConfig(**case.config))))
    shapes = {spec.name: (spec.shape, spec.dtype) for spec in found[0]}
    assert shapes["pixel_values"][0][:2] == (2, 2)
    assert shapes["pixel_attention_mask"] == ((2, 2), "bool")
