"""Whether a port is the same after each way of saving it, and in half precision as near as PyTorch is."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from porter.subject.inputs.arrays import Inputs
from porter.subject.inputs.graph_signature import input_signature, split
from porter.subject.inputs.variation import torch_inputs
from porter.subject.torch_model import RUN_ERRORS
from porter.testing.model_pair import ModelPair, as_array, floats
from porter.testing.verdict import Verdict

_NARROW = ("mixed_bfloat16", "bfloat16", "mixed_float16")
_TIMES = 4.0  # as far as PyTorch's bfloat16 is from its float32, so many times
_SHARE = 0.05  # and this share of the outputs' size


def saves(pair: ModelPair) -> Verdict:
    """Whether `save_pretrained`, `.keras`, `save_weights` and `export` keep what the port computes."""
    import keras

    port, inputs = pair.tensorflow, pair.accepted(pair.inputs[0])
    expected = port(inputs)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        port.save_pretrained(folder / "pretrained")
        port.save(folder / "model.keras")
        port.save_weights(folder / "model.weights.h5")
        weights = type(port).from_config(port.config)
        weights.load_weights(folder / "model.weights.h5")
        loaded = {
            "save_pretrained": type(port).from_pretrained(folder / "pretrained"),
            ".keras": keras.saving.load_model(folder / "model.keras"),
            "save_weights": weights,
        }
        for way, again in loaded.items():
            if pair.case.comparable and not _same(floats(expected), floats(again(inputs))):
                return Verdict(problem=f"read back from {way} it computes something else")
        return Verdict(problem=_exported(pair, folder / "served"))


def _same(first: list[Any], second: list[Any]) -> bool:
    pairs = zip(first, second, strict=False)
    return len(first) == len(second) and all(np.array_equal(as_array(a), as_array(b)) for a, b in pairs)


def _exported(pair: ModelPair, folder: Path) -> str:
    """What a served model gives for the inputs, with the port's own signature or with that of the inputs."""
    import tensorflow as tf

    port = pair.tensorflow
    small, large = (split(pair.accepted(inputs))[0] for inputs in pair.inputs)
    other = {} if _usual(port, small) else {"input_signature": [input_signature(small, large)]}
    port.export(folder, verbose=False, **other)
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    names = serve.structured_input_signature[1]
    given = {name: tf.cast(small[name], spec.dtype) for name, spec in names.items()}
    served = serve(**given)
    expected = port.serving(given)
    if not pair.case.comparable:
        return ""
    problem = pair.unlike(expected, {name: served[name] for name in expected})
    return f"served it computes something else: {problem}" if problem else ""


def _usual(port: Any, arrays: Inputs) -> bool:
    """Whether the port's own signature says all that it needs, and these inputs have it."""
    try:
        return set(port.input_signature) <= set(arrays)
    except ValueError:
        return False


def computes_in_half_precision(pair: ModelPair) -> Verdict:
    """Whether the port runs in mixed precision and in bfloat16, as near to float32 as PyTorch's bfloat16 is."""
    inputs = pair.accepted(pair.inputs[0])
    expected = [as_array(tensor) for tensor in floats(pair.expected(inputs))]
    allowed = _allowed(pair, inputs, expected)
    for policy in _NARROW:
        port = type(pair.tensorflow).from_pretrained(pair.folder, from_pt=True, dtype=policy)
        found = [as_array(tensor) for tensor in floats(port(inputs))]
        if not all(np.isfinite(array).all() for array in found) and policy != "mixed_float16":
            return Verdict(problem=f"in {policy} its outputs are not finite")
        if allowed is None or policy == "mixed_float16":
            continue
        for place, (array, reference) in enumerate(zip(found, expected, strict=False)):
            error = _size(array - reference)
            if not error <= allowed[place]:
                return Verdict(
                    problem=f"in {policy} output {place} is off by {error:.2e}, allowed {allowed[place]:.2e}"
                )
    return Verdict()


def _allowed(pair: ModelPair, inputs: Inputs, expected: list[np.ndarray[Any, Any]]) -> list[float] | None:
    """How far each output may be off in bfloat16, by what PyTorch's is; None where that cannot be compared."""
    import torch

    if not pair.case.comparable:
        return None
    try:
        half = copy.deepcopy(pair.pytorch).to(torch.bfloat16)
        given = {
            name: value.to(torch.bfloat16) if torch.is_tensor(value) and value.is_floating_point() else value
            for name, value in torch_inputs(pair.pytorch, inputs).items()
        }
        with torch.no_grad():
            narrow = [as_array(tensor) for tensor in floats(half(**given))]
    except RUN_ERRORS:
        return None
    pairs = zip(narrow, expected, strict=False)
    return [_TIMES * _size(found - exact) + _SHARE * _size(exact) for found, exact in pairs]


def _size(array: np.ndarray[Any, Any]) -> float:
    """The root of the mean square."""
    return float(np.sqrt(np.mean(np.square(array, dtype=np.float64)))) if array.size else 0.0
