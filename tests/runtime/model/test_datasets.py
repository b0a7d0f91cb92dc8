import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.runtime import modeling_tf_small_bert as ported
from tests.runtime.small_bert import config


class Padding:
    """The part of a tokenizer that pads."""

    model_input_names = ("input_ids", "attention_mask")

    def __init__(self, padding_side="right"):
        self.padding_side = padding_side

    def pad(self, rows, return_tensors):
        assert return_tensors == "np"
        longest = max(len(row["input_ids"]) for row in rows)
        sides = [longest - len(row["input_ids"]) for row in rows]
        pairs = [(side, 0) if self.padding_side == "left" else (0, side) for side in sides]
        return {
            name: np.stack([np.pad(row[name], pair) for row, pair in zip(rows, pairs, strict=True)])
            for name in rows[0]
        }


def rows(count=11, **labels):
    lengths = np.random.default_rng(0).integers(3, 9, count)
    return [
        {
            "input_ids": list(range(1, length + 1)),
            "attention_mask": [1] * int(length),
            "text": "not an input",
            **{name: make(int(length)) for name, make in labels.items()},
        }
        for length in lengths
    ]


@pytest.fixture(scope="module")
def masked():
    return ported.TFBertForMaskedLM.from_config(config())


def test_batches_are_padded_and_keep_their_rows(masked):
    data = rows(labels=lambda length: list(range(length)))
    batches = list(masked.prepare_tf_dataset(data, batch_size=4, shuffle=False, tokenizer=Padding()))
    assert [len(inputs["input_ids"]) for inputs, _ in batches] == [4, 4, 3]
    for number, (inputs, labels) in enumerate(batches):
        assert set(inputs) == {"input_ids", "attention_mask"}
        for place, row in enumerate(data[4 * number : 4 * number + 4]):
            length = len(row["input_ids"])
            np.testing.assert_array_equal(inputs["input_ids"][place, :length], row["input_ids"])
            assert not np.any(inputs["attention_mask"][place, length:])
            np.testing.assert_array_equal(labels[place, :length], row["labels"])
            assert np.all(labels[place, length:] == -100)


def test_left_padding(masked):
    data = rows(3, labels=lambda length: list(range(length)))
    ((inputs, labels),) = masked.prepare_tf_dataset(data, shuffle=False, tokenizer=Padding("left"))
    for place, row in enumerate(data):
        length = len(row["input_ids"])
        np.testing.assert_array_equal(inputs["input_ids"][place, -length:], row["input_ids"])
        np.testing.assert_array_equal(labels[place, -length:], row["labels"])


def test_it_is_fitted(masked):
    data = rows(labels=lambda length: list(range(length)))
    prepared = masked.prepare_tf_dataset(data, batch_size=2, tokenizer=Padding())
    assert prepared.cardinality() == 6
    masked.compile(keras.optimizers.Adam(1e-3))
    history = masked.fit(prepared, epochs=2, verbose=0, shuffle=False).history["loss"]
    assert history[1] < history[0]


def test_one_label_of_a_row_and_no_labels():
    model = ported.TFBertForSequenceClassification.from_config(config(num_labels=3, pad_token_id=0))
    data = rows(6, label=lambda length: length % 3)
    inputs, labels = next(iter(model.prepare_tf_dataset(data, 6, shuffle=False, tokenizer=Padding())))
    assert labels.dtype == tf.int64
    np.testing.assert_array_equal(labels, [row["label"] for row in data])
    assert set(inputs) == {"input_ids", "attention_mask"}
    assert set(next(iter(model.prepare_tf_dataset(rows(6), tokenizer=Padding())))) == {"input_ids", "attention_mask"}


def test_shuffled_differently_each_epoch(masked):
    data = [{"input_ids": [number]} for number in range(30)]
    prepared = masked.prepare_tf_dataset(data, batch_size=30)
    first, second = ([int(i) for i in next(iter(prepared))["input_ids"][:, 0]] for _ in range(2))
    assert first != second
    assert sorted(first) == sorted(second) == list(range(30))


def test_another_collation(masked):
    def collate(batch):
        return {"input_ids": np.array([row["input_ids"][:2] for row in batch], np.int32)}

    inputs = next(iter(masked.prepare_tf_dataset(rows(), collate_fn=collate)))
    assert inputs["input_ids"].shape == (8, 2)
    assert inputs["input_ids"].dtype == tf.int64


def test_what_cannot_be_prepared_says_so(masked):
    with pytest.raises(ValueError, match="has no rows for TFBertForMaskedLM"):
        masked.prepare_tf_dataset([])
    with pytest.raises(ValueError, match=r"has none of attention_mask, .*input_ids"):
        masked.prepare_tf_dataset([{"words": 1}])
    with pytest.raises(tf.errors.InvalidArgumentError, match="need a tokenizer"):
        list(masked.prepare_tf_dataset(rows(), shuffle=False))
