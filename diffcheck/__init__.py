"""Compare two frameworks' runs of one model: whole outputs, every module, and the statement where they part.

Importing this package loads numpy only; PyTorch and TensorFlow are imported by the functions that run them.
"""

from diffcheck.compare import Comparison, compare, noise_between
from diffcheck.metrics import NOISE_FACTOR, TOLERANCE, Bound, TensorResult

__all__ = ["NOISE_FACTOR", "TOLERANCE", "Bound", "Comparison", "TensorResult", "compare", "noise_between"]
