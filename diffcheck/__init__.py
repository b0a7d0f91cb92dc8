"""Compare two frameworks' runs of one model: whole outputs, every module, and the statement where they part.

Importing this package loads numpy only; PyTorch and TensorFlow are imported by the functions that run them.
"""

from diffcheck.compare.metrics import NOISE_FACTOR, TOLERANCE, Bound, TensorResult
from diffcheck.compare.outputs import Comparison, compare, compare_flat, noise_between
from diffcheck.pipeline import (
    InputsRefused,
    Options,
    assert_matches,
    diff,
    diff_recordings,
    outputs_torch,
    record_tensorflow,
    record_torch,
)
from diffcheck.record.sides import Loader, LoadFailed, TooLittleMemory
from diffcheck.show.report import Report

__all__ = [
    "NOISE_FACTOR",
    "TOLERANCE",
    "Bound",
    "Comparison",
    "InputsRefused",
    "LoadFailed",
    "Loader",
    "Options",
    "Report",
    "TensorResult",
    "TooLittleMemory",
    "assert_matches",
    "compare",
    "compare_flat",
    "diff",
    "diff_recordings",
    "noise_between",
    "outputs_torch",
    "record_tensorflow",
    "record_torch",
]
