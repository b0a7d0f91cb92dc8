"""Where in a tensor the error lies, in few enough cells to look at."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffcheck.compare.align import align, to_layout
from diffcheck.compare.metrics import scale_of
from diffcheck.record.values import Flattened
from diffcheck.show.report import HeatMap

ROWS, COLUMNS = 32, 64


def heat_map(expected: Flattened, actual: Flattened) -> HeatMap | None:
    """The error of the worst tensor over max|reference|, its last axis across and the others down."""
    worst: HeatMap | None = None
    for path, other in align(expected.tensors, actual.tensors):
        mine = expected.tensors[path].array
        theirs = to_layout(actual.tensors[other], mine.shape).array
        if mine.shape != theirs.shape or not mine.size:
            continue
        with np.errstate(invalid="ignore"):
            error = np.abs(mine.astype(np.float64) - theirs.astype(np.float64)) / scale_of(mine)
        flat = np.nan_to_num(error, nan=1.0, posinf=1.0).reshape(-1, mine.shape[-1] if mine.ndim else 1)
        cells = _pooled(flat)
        if worst is None or cells.max() > max(map(max, worst.cells)):
            worst = HeatMap(path, mine.shape, tuple(tuple(float(f"{cell:.3g}") for cell in row) for row in cells))
    return worst


def _pooled(error: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """At most ROWS by COLUMNS cells, each the greatest of its part."""
    rows = np.array_split(error, min(ROWS, error.shape[0]), axis=0)
    return np.array([[part.max() for part in np.array_split(row, min(COLUMNS, row.shape[1]), axis=1)] for row in rows])
