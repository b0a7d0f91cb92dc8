"""Differences on padded positions, told apart from those on real ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np

from diffcheck.compare.outputs import Comparison
from diffcheck.record.values import Flattened, TensorValue

MASKS = ("attention_mask", "decoder_attention_mask")


def padding_notes(
    outputs: Comparison,
    expected: Flattened,
    actual: Flattened,
    inputs: Mapping[str, object],
    elsewhere: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> tuple[str, ...]:
    """One sentence per output that differs on padded positions only, or on real ones only.

    Its first axis and the first other of that length have to be those of a mask in the inputs that has padding.
    ``elsewhere`` says which outputs differ on real positions with other inputs, by what these are called.
    """
    notes = []
    for path, real, padded in _counted(outputs, expected, actual, inputs):
        if bool(real[0]) == bool(padded[0]):
            continue
        counts = f"{real[0]} of {real[1]} real, {padded[0]} of {padded[1]} padded ones"
        others = [name for name, paths in elsewhere.items() if path in paths and not real[0]]
        if others:
            notes.append(f"{path} differs on real positions too, {others[0]}; with the inputs: {counts}.")
        else:
            notes.append(f"{path} differs on {'real' if real[0] else 'padded'} positions only: {counts}.")
    return tuple(notes)


def differs_on_real(
    outputs: Comparison, expected: Flattened, actual: Flattened, inputs: Mapping[str, object]
) -> frozenset[str]:
    """The outputs that differ where nothing is padded."""
    counted = _counted(outputs, expected, actual, inputs)
    on_padded = {path for path, real, padded in counted if padded[0] and not real[0]}
    return frozenset(result.path for result in outputs.failures) - on_padded


_Count = tuple[int, int]


def _counted(
    outputs: Comparison, expected: Flattened, actual: Flattened, inputs: Mapping[str, object]
) -> Iterator[tuple[str, _Count, _Count]]:
    """Output by output and mask by mask: of the real positions and of the padded ones, how many differ of how many."""
    given = [np.asarray(inputs[name]) for name in MASKS if name in inputs]
    masks = [mask.astype(bool) for mask in given if mask.ndim == 2]
    for result in outputs.failures:
        pair = (expected.tensors.get(result.path), actual.tensors.get(result.path))
        for mask in masks:
            wrong = None if mask.all() else _wrong(mask.shape, result.allowed, *pair)
            if wrong is not None:
                sides = [(int((wrong & side).sum()), int(side.sum())) for side in (mask, ~mask)]
                yield result.path, sides[0], sides[1]


def _wrong(
    shape: tuple[int, ...], allowed: float, expected: TensorValue | None, actual: TensorValue | None
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None:
    """Which positions differ; None where the output has others than the mask."""
    if expected is None or actual is None or expected.array.shape != actual.array.shape:
        return None
    sizes = expected.array.shape
    axis = next((axis for axis, size in enumerate(sizes) if axis and size == shape[1]), None)
    if axis is None or sizes[0] != shape[0] or expected.array.dtype.kind != "f":
        return None
    distance = np.abs(expected.array.astype(np.float64) - actual.array.astype(np.float64))
    found: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    found = np.moveaxis(~(distance <= allowed), axis, 1).reshape(*shape, -1).any(axis=-1)
    return found
