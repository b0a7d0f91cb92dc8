"""Whether a port takes padding on either side as PyTorch does, and decodes step by step what it gives in one run."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from porter.subject.inputs.arrays import Inputs
from porter.subject.inputs.variation import torch_inputs
from porter.subject.torch_model import RUN_ERRORS
from porter.testing.model_pair import ModelPair, as_array, floats
from porter.testing.verdict import Verdict

_IDS = ("decoder_input_ids", "input_ids")


def takes_padding(pair: ModelPair) -> Verdict:
    """Whether a padded batch gives PyTorch's outputs where it is not padded; on the left, then on the right."""
    inputs = pair.accepted(pair.inputs[0])
    masks = [name for name, value in inputs.items() if name.endswith("attention_mask") and np.ndim(value) == 2]
    if not masks or not pair.case.comparable:
        return Verdict(lacks="it takes no mask of a padded batch" if not masks else "its outputs are random")
    ran = False
    for side in ("left", "right"):
        padded = {**inputs, **{name: _padded(inputs[name], side) for name in masks}}
        try:
            expected = pair.expected(padded)
        except RUN_ERRORS:
            continue
        ran = True
        kept = [padded[name].astype(bool) for name in masks]
        problem = pair.unlike(_unpadded(expected, kept), _unpadded(pair.tensorflow(padded), kept))
        if problem:
            return Verdict(problem=f"padded on the {side}: {problem}")
    return Verdict() if ran else Verdict(lacks="PyTorch stops on padding")


def _padded(mask: np.ndarray[Any, Any], side: str) -> np.ndarray[Any, Any]:
    """The mask with a last row of which the outer third is padding."""
    changed = mask.copy()
    count = max(1, mask.shape[1] // 3)
    changed[-1, slice(0, count) if side == "left" else slice(mask.shape[1] - count, None)] = 0
    return changed


def _unpadded(outputs: Any, masks: list[np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    """The numbers of an output, of those that belong to positions the ones that are not padding."""
    found = {}
    for place, tensor in enumerate(floats(outputs)):
        array = as_array(tensor)
        mask = next((mask for mask in masks if mask.shape == array.shape[:2]), None)
        found[f"output {place}"] = array if mask is None else array[mask]
    return found


def decodes(pair: ModelPair) -> Verdict:
    """Whether cached steps in a graph, whose length is not known, give what PyTorch gives for the whole in one run."""
    taken = inspect.signature(pair.pytorch.forward).parameters
    inputs = pair.accepted(pair.inputs[0])
    name = next((each for each in _IDS if each in inputs), None)
    if name is None or not {"use_cache", "past_key_values"} <= taken.keys() or not pair.case.comparable:
        return Verdict(lacks="it takes no cache")
    try:
        whole = _torch_whole(pair, inputs)
    except RUN_ERRORS:
        return Verdict(lacks="PyTorch stops when it is to keep a cache")
    length = inputs[name].shape[1]
    if whole is None or whole.shape[1] != length or np.ndim(inputs[name]) != 2:
        return Verdict(lacks="it gives back no cache, or nothing for each token")
    return Verdict(problem=_first_wrong_step(pair, inputs, name, whole))


def _torch_whole(pair: ModelPair, inputs: Inputs) -> np.ndarray[Any, Any] | None:
    """PyTorch's first output for all tokens; None where it keeps no cache of them."""
    import torch

    given = torch_inputs(pair.pytorch, inputs)
    with torch.no_grad():
        if getattr(pair.pytorch(**given, use_cache=True), "past_key_values", None) is None:
            return None
        found = floats(pair.pytorch(**given, use_cache=False))
    return as_array(found[0]) if found and found[0].ndim > 1 else None


def _first_wrong_step(pair: ModelPair, inputs: Inputs, name: str, whole: np.ndarray[Any, Any]) -> str:
    import tensorflow as tf

    length = whole.shape[1]
    known = length // 2

    def step(part: Inputs, cache: Any) -> Any:
        return pair.tensorflow(**part, past_key_values=cache, use_cache=True)

    in_graph = tf.function(step, reduce_retracing=True)
    outputs = step(_part(inputs, name, 0, known), None)
    for start in range(known, length):
        problem = pair.unlike({"tokens": whole[:, start - 1]}, {"tokens": as_array(floats(outputs)[0])[:, -1]})
        if problem:
            return f"at token {start - 1}: {problem}"
        outputs = in_graph(_part(inputs, name, start, start + 1), outputs.past_key_values)
    return pair.unlike({"tokens": whole[:, -1]}, {"tokens": as_array(floats(outputs)[0])[:, -1]})


def _part(inputs: Inputs, name: str, start: int, end: int) -> dict[str, Any]:
    """The inputs of some tokens: the mask reaches from the first to the last of them."""
    shape = np.shape(inputs[name])
    mask = name.replace("input_ids", "attention_mask")
    own = _of_tokens(inputs, name)
    part: dict[str, Any] = {}
    for other, value in inputs.items():
        if other == mask:
            part[other] = value[:, :end]
        elif other in own and np.shape(value) == shape:
            part[other] = value[:, start:end]
        else:
            part[other] = value
    return part


def _of_tokens(inputs: Mapping[str, Any], name: str) -> set[str]:
    """The inputs that have something for each token: with an encoder those that are called the decoder's."""
    decoder = name.startswith("decoder")
    return {other for other in inputs if other.startswith("decoder") == decoder}
