"""`prepare_tf_dataset`: rows of any dataset as padded batches that `fit` takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from porter.runtime.port_errors import WrongValue

Row = Mapping[str, Any]
Arrays = dict[str, np.ndarray[Any, Any]]
Collate = Callable[[list[Row]], Mapping[str, Any]]

_LABELS = {"label": "labels", "label_ids": "labels"}
_LOOKED_AT = 64


class Rows(Protocol):
    """What has rows: a `datasets.Dataset`, a list of dictionaries, any sequence of mappings."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Row: ...


class PreparesDatasets(keras.Model):
    """A model that knows which columns of a dataset it takes."""

    def prepare_tf_dataset(
        self,
        dataset: Rows,
        batch_size: int = 8,
        shuffle: bool = True,
        tokenizer: Any = None,
        collate_fn: Collate | None = None,
        drop_remainder: bool = False,
    ) -> tf.data.Dataset:
        """Batches `(inputs, labels)` of those columns that the model takes, padded to the longest of each batch.

        Columns `label` and `label_ids` become `labels`; rows without labels give batches of inputs alone.

        Args:
            dataset: rows by index, each a mapping: a `datasets.Dataset`, or a list of dictionaries.
            batch_size: rows in a batch.
            shuffle: draw the rows in another order each epoch.
            tokenizer: pads the rows, with its own `pad`; without it rows must have equal lengths.
            collate_fn: makes a batch of a list of rows instead.
            drop_remainder: leave out a last batch that is not full.

        Raises:
            WrongValue: the dataset has no rows, or no column that the model takes.
        """
        labels, others = self._columns()
        collate = collate_fn or _Collated(tokenizer)
        reader = _Reader(dataset, frozenset({*labels, *others}), collate)
        if len(dataset) == 0 or not reader.batch([0]).keys() & {*labels, *others}:
            found = f"none of {', '.join(sorted(others))}" if len(dataset) else "no rows"
            raise WrongValue(f"The dataset has {found} for {type(self).__name__}.")
        batches = _batched(len(dataset), batch_size, shuffle, drop_remainder)
        arrays = batches.map(reader.graph(), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        return arrays.map(lambda batch: _split(batch, labels)).prefetch(tf.data.AUTOTUNE)

    def _columns(self) -> tuple[frozenset[str], frozenset[str]]:
        """The labels, and the other inputs, that `call` takes."""
        taken = frozenset(inspect.signature(inspect.unwrap(type(self).call)).parameters) - {"self", "training"}
        labels = frozenset(name for name in taken if "label" in name or name in ("start_positions", "end_positions"))
        return labels, taken - labels


@dataclass(frozen=True)
class _Collated:
    """Rows into arrays: padded by a tokenizer where there is one, else stacked."""

    tokenizer: Any

    def __call__(self, rows: list[Row]) -> Mapping[str, Any]:
        stacked = {name: [row[name] for row in rows] for name in rows[0]}
        if self.tokenizer is None:
            return stacked
        padded = {name for name in self.tokenizer.model_input_names if name in stacked}
        by_row = [{name: row[name] for name in padded} for row in rows]
        batch = dict(self.tokenizer.pad(by_row, return_tensors="np"))
        rest = {name: values for name, values in stacked.items() if name not in padded}
        return {**batch, **{name: self._label(name, values, batch) for name, values in rest.items()}}

    def _label(self, name: str, values: list[Any], batch: Mapping[str, Any]) -> Any:
        """Labels of tokens, padded with -100 as far as the tokens are."""
        lengths = {len(value) for value in values if np.ndim(value) == 1}
        if len(lengths) < 2 and not (name.startswith("label") and lengths):
            return values
        longest = max(*lengths, *(array.shape[1] for array in batch.values() if np.ndim(array) == 2))
        left = getattr(self.tokenizer, "padding_side", "right") == "left"
        sides = [(longest - len(value), 0) if left else (0, longest - len(value)) for value in values]
        return [np.pad(value, side, constant_values=-100) for value, side in zip(values, sides, strict=True)]


@dataclass(frozen=True)
class _Reader:
    """Reads rows by their index into one batch of arrays."""

    rows: Rows
    columns: frozenset[str]
    collate: Collate

    def batch(self, indices: Sequence[int]) -> Arrays:
        """The arrays by argument name, integers int64 and floats float32."""
        rows: list[Row] = [self._row(int(index)) for index in indices]
        arrays = {_LABELS.get(name, name): _array(value) for name, value in self.collate(rows).items()}
        return {name: _standard(array) for name, array in sorted(arrays.items()) if name in self.columns}

    def _row(self, index: int) -> dict[str, Any]:
        """Those columns of a row that the model takes, labels under their own names; what is None is left out."""
        named = {_LABELS.get(name, name): value for name, value in dict(self.rows[index]).items()}
        return {name: value for name, value in named.items() if name in self.columns and value is not None}

    def graph(self) -> Callable[[Any], dict[str, Any]]:
        """The same as a step of `tf.data`. A size is known there if rows that were looked at agree in it."""
        step = max(1, len(self.rows) // _LOOKED_AT)
        seen = [self.batch([index]) for index in range(0, len(self.rows), step)]
        names = list(seen[0])
        types = [tf.as_dtype(seen[0][name].dtype) for name in names]

        def read(indices: Any) -> list[np.ndarray[Any, Any]]:
            batch = self.batch(indices)
            return [batch[name] for name in names]

        def step_of(indices: Any) -> dict[str, Any]:
            tensors = tf.numpy_function(read, [indices], types)
            for tensor, name in zip(tensors, names, strict=True):
                tensor.set_shape(_shape([batch[name].shape for batch in seen]))
            return dict(zip(names, tensors, strict=True))

        return step_of


def _shape(shapes: Sequence[tuple[int, ...]]) -> list[int | None]:
    """Batches and lengths may differ; of images the sizes in which all agree are known."""
    rank = len(shapes[0])
    if rank < 3:
        return [None] * rank
    return [
        None,
        *(shapes[0][axis] if len({shape[axis] for shape in shapes}) == 1 else None for axis in range(1, rank)),
    ]


def _array(values: Any) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(values)
    except ValueError as error:
        sentence = "Rows of different lengths need a tokenizer, or a collate_fn, to be put into one batch."
        raise WrongValue(sentence) from error


def _standard(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return array.astype(np.int64 if array.dtype.kind in "biu" else np.float32)


def _batched(count: int, batch_size: int, shuffle: bool, drop_remainder: bool) -> tf.data.Dataset:
    indices = tf.data.Dataset.range(count)
    if shuffle:
        indices = indices.shuffle(count, reshuffle_each_iteration=True)
    return indices.batch(batch_size, drop_remainder=drop_remainder)


def _split(batch: dict[str, Any], labels: frozenset[str]) -> Any:
    """As `fit` takes it: inputs, and the labels apart: the only one by itself, several by their names."""
    inputs = {name: value for name, value in batch.items() if name not in labels}
    given = {name: value for name, value in batch.items() if name in labels}
    if not given:
        return inputs
    return inputs, given["labels"] if list(given) == ["labels"] else given
