import numpy as np
import pytest
from transformers import BertConfig, BertForSequenceClassification, BertForTokenClassification, BertModel

from porter.testing import labelled_inputs

SIZES = {"vocab_size": 30, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
IDS = {"input_ids": np.random.default_rng(0).integers(1, 30, (2, 5)), "unknown": np.zeros(3)}


@pytest.mark.parametrize(
    ("model_class", "shape"), [(BertForTokenClassification, (2, 5)), (BertForSequenceClassification, (2,))]
)
def test_labels_have_the_shape_that_the_class_takes(model_class, shape):
    found = labelled_inputs(model_class(BertConfig(**SIZES)).eval(), IDS)
    assert found is not None
    inputs, loss = found
    assert set(inputs) == {"input_ids", "labels"} and inputs["labels"].shape == shape
    assert np.isfinite(loss) and loss > 0


def test_a_class_without_a_loss():
    assert labelled_inputs(BertModel(BertConfig(**SIZES)).eval(), IDS) is None
