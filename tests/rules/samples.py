"""The tensors that the cases of rules and cards name, as numpy arrays."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np


@functools.cache
def samples() -> Mapping[str, np.ndarray]:
    """x, y: floats (2, 3, 4); u*: in (0, 1); i*: int64; mask*: bool; v*: short ones; g: images; z: complex."""
    rng = np.random.default_rng(7)

    def floats(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    return {
        "x": floats(2, 3, 4),
        "y": floats(2, 3, 4),
        "s": floats(2, 1, 1),
        "s1": floats(1),
        "w": floats(3, 4),
        "w2": floats(2, 4),
        "x2": floats(2, 2, 4),
        "v": floats(2, 3),
        "v1": floats(5),
        "v2": floats(3),
        "v4": floats(4),
        "v3f": np.sort(floats(3)),
        "a3": floats(2, 3),
        "b3": floats(2, 3),
        "p": floats(3, 2),
        "u": rng.uniform(0.1, 0.9, (2, 3, 4)).astype(np.float32),
        "u4": rng.uniform(0.5, 1.5, 4).astype(np.float32),
        "u2": rng.uniform(0.1, 0.9, (2, 5)).astype(np.float32),
        "z": (floats(2, 3) + 1j * floats(2, 3)).astype(np.complex64),
        "g": floats(2, 4, 4, 4),
        "h": floats(2, 4, 7),
        "grid": rng.uniform(-1.2, 1.2, (2, 3, 5, 2)).astype(np.float32),
        "tri": np.tril(floats(3, 3)) + 3 * np.eye(3, dtype=np.float32),
        "hollow": np.tril(np.ones((3, 3), np.float32), -1),
        "i": rng.integers(0, 5, (2, 3)),
        "i2": rng.integers(0, 5, (2, 3, 4)),
        "i3": rng.permuted(np.tile(np.arange(3)[None, :, None], (2, 1, 4)), axis=1),
        "rows_i": np.array([2, 0]),
        "kernel1": floats(6, 2, 3),
        "kernel2": floats(6, 4, 3, 3),
        "kernel3": floats(5, 2, 2, 1, 2),
        "volume": floats(1, 2, 5, 4, 6),
        "back1": floats(4, 3, 3),
        "back2": floats(4, 3, 3, 3),
        "grids": np.array([[2, 4, 6], [1, 8, 4], [1, 2, 2]]),
        "cube": floats(1, 4, 5, 4, 3),
        "frames": floats(5, 2, 4),
        "frame_labels": np.array([[1, 2], [3, 1]]),
        "frame_lengths": np.array([5, 4]),
        "label_lengths": np.array([2, 1]),
        "columns": floats(2, 8, 4),
        "signs": np.array([1, -1, 1]),
        "ends": np.array([[1, 1, 1], [1, 1, 0]]),
        "v2i": np.array([2, 0]),
        "v3": np.array([1, 1, 4]),
        "mask": rng.random((2, 3, 4)) > 0.5,
        "mask2": rng.random((2, 3, 4)) > 0.5,
        "rows": np.array([[True, False, True], [False, True, True]]),
        "n": np.array(1),
        "one": np.array(1.5, dtype=np.float32),
    }
