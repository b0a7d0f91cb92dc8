"""Inputs for a module that says nothing about them: what its first layer takes, as far as PyTorch runs on it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from porter.subject.case import InputSpec
from porter.subject.inputs.arrays import numpy_inputs
from porter.subject.inputs.variation import runs

BATCH, LENGTH = 2, 7
SIDES = (32, 64, 224)
FRAMES = (64, 256)
NORMAL = {"kind": "normal", "std": 1.0}


def inputs_from_layers(model: Any) -> tuple[InputSpec, ...]:
    """Inputs for a model whose forward needs one tensor, the first that PyTorch runs on; empty where none is found."""
    needed = [p for p in inspect.signature(model.forward).parameters.values() if p.default is p.empty]
    if len(needed) != 1 or needed[0].kind not in (needed[0].POSITIONAL_ONLY, needed[0].POSITIONAL_OR_KEYWORD):
        return ()
    for shape, dtype, gen in _candidates(model):
        specs = (InputSpec(needed[0].name, shape, dtype, gen),)
        if runs(model, numpy_inputs(specs)):
            return specs
    return ()


def _candidates(model: Any) -> Iterator[tuple[tuple[int, ...], str, dict[str, object]]]:
    """Shapes, likeliest first: by the first layer that has weights, then by the others."""
    import torch

    for layer in model.modules():
        if isinstance(layer, torch.nn.Embedding):
            yield (BATCH, LENGTH), "int64", {"kind": "randint", "low": 0, "high": layer.num_embeddings}
        elif isinstance(layer, torch.nn.Conv2d):
            yield from (((BATCH, layer.in_channels, side, side), "float32", NORMAL) for side in SIDES)
        elif isinstance(layer, torch.nn.Conv1d):
            yield from (((BATCH, layer.in_channels, frames), "float32", NORMAL) for frames in FRAMES)
        elif isinstance(layer, torch.nn.Linear):
            yield (BATCH, layer.in_features), "float32", NORMAL
            yield (BATCH, LENGTH, layer.in_features), "float32", NORMAL
        elif isinstance(layer, torch.nn.RNNBase):
            yield (BATCH, LENGTH, layer.input_size), "float32", NORMAL
