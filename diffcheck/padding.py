"""Differences on padded positions, told apart from those on real ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from diffcheck.compare import Comparison
from diffcheck.values import Flattened, TensorValue

MASKS = ("attention_mask", "decoder_attention_mask")


def padding_notes(
    outputs: Comparison, expected: Flattened, actual: Flattened, inputs: Mapping[str, object]
) -> tuple[str, ...]:
    """One sentence per differing output whose first two axes are those of a mask with padding in the inputs."""
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
    where = "on padded positions only" if padded and not real else "on real positions" if not padded else "on both"
    return f"{path} differs {where}: {real} of {int(mask.sum())} real, {padded} of {int((~mask).sum())} padded ones."
