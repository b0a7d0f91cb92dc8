"""Calls that go on from what an earlier call gave: caches, recurrent states, memories, whatever they are called."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from porter.subject.inputs.arrays import Inputs
from porter.subject.torch_model import RUN_ERRORS

PAST = "past_key_values"
ASKS: tuple[Inputs, ...] = ({}, {"use_cache": True}, {"use_mems": True})
"""How a model is asked for what a later call may be given; the first: it gives that anyway."""
STATE_INPUTS = ("input_ids", "decoder_input_ids")


def given_states(model: Any, inputs: Inputs) -> tuple[Inputs, dict[str, Any]]:
    """The inputs of a first call, and those of its outputs that forward takes back under the same name."""
    parameters = inspect.signature(model.forward).parameters
    for asked in ASKS:
        first = {**inputs, **asked}
        try:
            outputs = model(**copy.deepcopy(first))
        except RUN_ERRORS:
            continue
        if not isinstance(outputs, Mapping):
            continue
        states = {
            name: value
            for name, value in outputs.items()
            if name in parameters and name not in inputs and parameters[name].default is None and value is not None
        }
        if states:
            return first, states
    return {**inputs}, {}


def steps_from(inputs: Inputs, states: Mapping[str, Any]) -> Iterator[Inputs]:
    """The last token alone with the states: where they are kept, the mask grows by one, or is that of the token.

    What brings images or sound is given once only. Channels are before the positions of ids, or behind.
    """
    name = next((name for name in reversed(STATE_INPUTS) if name in inputs), None)
    if name is None:
        return
    yield from _steps(inputs, states, name, inputs[name][..., -1:])
    if inputs[name].dim() == 3:
        yield from _steps(inputs, states, name, inputs[name][:, -1:])


def _steps(inputs: Inputs, states: Mapping[str, Any], name: str, last: Any) -> Iterator[Inputs]:
    """The ids called `name` are the last alone."""
    import torch

    mask_name = name.replace("input_ids", "attention_mask")
    step = {**inputs, name: last, **states}
    for other, value in inputs.items():
        beside_ids = other != mask_name and name == "input_ids" and torch.is_tensor(value)
        if beside_ids and value.shape[:2] == inputs[name].shape:
            step[other] = value[:, -1:]
    mask = inputs.get(mask_name)
    if mask is None:
        yield step
        return
    grown = torch.cat([mask, mask.new_ones((*mask.shape[:-1], 1))], dim=-1)
    yield {**step, mask_name: grown}
    if name == "input_ids":
        yield {name: step[name], mask_name: grown, **states}
    yield {**step, mask_name: mask[..., -1:]}
