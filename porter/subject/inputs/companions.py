"""Inputs that go with others: the mask and the token types beside ids."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from porter.subject.inputs.arrays import Array
from porter.subject.inputs.input_sizes import input_sizes

MASK, TYPES = "attention_mask", "token_type_ids"


def with_companions(model: Any, inputs: Mapping[str, Array], rank: int = 2) -> dict[str, Array]:
    """The inputs, with a mask of ones and token types beside ids where the model takes them and they are not there.

    Args:
        model: the PyTorch model, whose forward and configuration say what it takes.
        inputs: arrays by argument name; ids and waveforms are rows by positions.
        rank: of ids and waveforms that others go with: 3 for rows of choices.
    """
    completed = dict(inputs)
    accepted = inspect.signature(model.forward).parameters
    tokens = inputs.get("input_ids", inputs.get("input_values"))
    if tokens is None or tokens.ndim != rank:
        return completed
    if MASK in accepted and MASK not in inputs:
        completed[MASK] = np.ones(tokens.shape, np.int64)
    types = input_sizes(model.config).token_types or 0
    if "input_ids" in inputs and TYPES in accepted and TYPES not in inputs and types > 1:
        completed[TYPES] = np.asarray(np.random.default_rng(tokens.size).integers(0, types, tokens.shape))
    return completed
