"""The whole model in float64 on both sides: is what differs a bug or rounding?"""

from __future__ import annotations

from collections.abc import Mapping

from diffcheck.compare.metrics import EXACT
from diffcheck.compare.outputs import Comparison, compare_flat
from diffcheck.judge.tf_float64 import in_float64
from diffcheck.record import tf_side, torch_side
from diffcheck.record.sides import Sides
from diffcheck.record.values import Flattened, flatten
from diffcheck.show.report import DoubleRun


def run_whole(
    sides: Sides, inputs: Mapping[str, object], outputs: Comparison, skip: tuple[str, ...] = ()
) -> DoubleRun:
    """Run PyTorch, then TensorFlow, with weights and inputs in float64; ``outputs`` are those in float32."""
    try:
        expected = torch_side.run_double(sides.torch(), inputs)
    except torch_side.NO_FLOAT64 as error:
        return DoubleRun(outputs.relative, None, f"PyTorch: {error}")
    try:
        model = sides.tf()
        with in_float64(model):
            actual = flatten(tf_side.call_model(model, torch_side.widen(inputs)))
    except Exception as error:  # noqa: BLE001 - the code under test may raise anything, and that is the result
        return DoubleRun(outputs.relative, None, f"TensorFlow: {error}")
    return compared_in_double(expected, actual, outputs, skip)


def compared_in_double(
    expected: Flattened, actual: Flattened, outputs: Comparison, skip: tuple[str, ...] = (), exact: float = EXACT
) -> DoubleRun:
    """Both figures, relative to each output's scale; outputs that one side lacks are left to ``outputs``."""
    common = [path for path in expected.tensors if path in actual.tensors]
    again = compare_flat(
        Flattened({path: expected.tensors[path] for path in common}),
        Flattened({path: actual.tensors[path] for path in common}),
        skip=skip,
        check_dtype=False,
    )
    return DoubleRun(outputs.relative, again.relative, exact=exact)
