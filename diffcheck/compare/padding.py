"""Differences on padded positions, told apart from those on real ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from diffcheck.compare.outputs import Comparison
from diffcheck.record.values import Flattened, TensorValue

MASKS = ("attention_mask", "decoder_attention_mask")


def padding_notes(
    outputs: Comparison, expected: Flattened, actual: Flattened, inputs: Mapping[str, object]
) -> tuple[str, ...]:
    """One sentence per output that differs on padded positions only, or on real ones only.

    Its first two axes have to be those of a mask in the inputs that has padding.
    """
    given = [np.asarray(inputs[name]) for name in MASKS if name in inputs]
    masks = [mask.astype(bool) for mask in given if mask.ndim == 2]
    notes = []
    for result in outputs.failures:
        pair = (expected.tensors.get(result.path), actual.tensors.get(result.path))
        for mask in masks:
            note = None if mask.all() else _note(result.path, mask, result.allowed, *pair)
            notes += [note] if note else []
    return tuple(notes)


def _note(
    path: str, mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], allowed: float,
    expected: TensorValue | None, actual: TensorValue | None,
) -> str | None:  # fmt: skip
    if expected is None or actual is None or expected.array.shape != actual.array.shape:
        return None
    if expected.array.shape[:2] != mask.shape or expected.array.dtype.kind != "f":
        return None
    distance = np.abs(expected.array.astype(np.float64) - actual.array.astype(np.float64))
    wrong = (distance > allowed).reshape(*mask.shape, -1).any(axis=-1)
    real, padded = int((wrong & mask).sum()), int((wrong & ~mask).sum())
    if padded and real:
        return None
    where = "padded" if padded else "real"
    counts = f"{real} of {int(mask.sum())} real, {padded} of {int((~mask).sum())} padded ones"
    return f"{path} differs on {where} positions only: {counts}."
