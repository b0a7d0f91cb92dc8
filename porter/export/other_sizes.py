"""Images and sounds in another size than the one that is traced, as far as PyTorch runs on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from porter.export.axes import BATCH, FRAMES, HEIGHT, SAMPLES, WIDTH, Axes, axes_of
from porter.subject.inputs.arrays import Array
from porter.subject.inputs.input_sizes import input_sizes, patches_of
from porter.subject.inputs.known_inputs import BINS
from porter.subject.inputs.trials import Trial
from porter.subject.inputs.variation import why_not

OTHER = "another size"
RESIZED = frozenset({HEIGHT, WIDTH, SAMPLES, FRAMES})
"""The labels of the axes that another size changes."""
STEP = 32
"""Pixels: what most models of images halve five times."""
Sizes = Mapping[str, int]
"""The new size of each axis by its label."""


def in_another_size(model: Any, trial: Trial) -> tuple[Trial | None, str]:
    """The trial with larger images or a shorter sound, and else why PyTorch does not take them.

    Neither where the trial has no images and no sound.
    """
    labels = {name: labels_of(model, name, trial) for name in trial.inputs}
    reason = ""
    for sizes in _sizes(model, trial, labels):
        told = ", ".join(f"{label} {size}" for label, size in sizes.items())
        inputs = {name: _fitted(array, labels[name], sizes) for name, array in trial.inputs.items()}
        why = why_not(model, inputs)
        if not why:
            return Trial(f"{OTHER} ({told})", inputs), ""
        reason = reason or f"{' and '.join(sizes)}: compared in one size, for PyTorch refuses another ({told}): {why}"
    return None, reason


def labels_of(model: Any, name: str, trial: Trial) -> Axes:
    """The labels of an input's changeable axes: a sound's mask has the sound's, a spectrogram only frames."""
    array, sound = trial.inputs[name], trial.inputs.get("input_values")
    if sound is not None and array.shape == sound.shape:
        return axes_of("input_values", array.ndim)
    if name != "input_features" or array.ndim != 3:
        return axes_of(name, array.ndim)
    bins = input_sizes(model.config).bins or BINS
    lengths = [axis for axis in (1, 2) if array.shape[axis] != bins]
    return {0: BATCH, lengths[0]: FRAMES} if len(lengths) == 1 else axes_of(name, array.ndim)


def _sizes(model: Any, trial: Trial, labels: Mapping[str, Axes]) -> Iterator[Sizes]:
    """What is tried, the likeliest first: height and width grow unequally, so that none passes for the other."""
    found = {
        label: trial.inputs[name].shape[axis]
        for name, axes in labels.items()
        for axis, label in axes.items()
        if axis < trial.inputs[name].ndim
    }
    if HEIGHT in found and WIDTH in found:
        for step in dict.fromkeys((patches_of(model.config).side, STEP, found[HEIGHT])):
            yield {HEIGHT: found[HEIGHT] + step, WIDTH: found[WIDTH] + 2 * step}
    for label in (SAMPLES, FRAMES):
        if label in found:
            yield {label: found[label] * 3 // 4}


def _fitted(array: Array, labels: Axes, sizes: Sizes) -> Array:
    """An input in these sizes: cut, or repeated from the beginning."""
    for axis, label in labels.items():
        if label in sizes:
            array = np.take(array, np.arange(sizes[label]) % array.shape[axis], axis=axis)
    return array
