"""Checkpoints that have TensorFlow's weights only, as of a port that was trained: PyTorch's model is made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from porter.base.errors import UsageError
from porter.base.scratch import scratch_folder
from porter.export.loaded_model import Loaded
from porter.port.failure_text import where_it_failed
from porter.port.find_port import find_port
from porter.port.load import load_class
from porter.subject.torch_checkpoint import LacksWeights

NOTE = "the checkpoint has TensorFlow's weights only; PyTorch's model, with which files are compared, is made of them."
COUNTER = "num_batches_tracked"
"""How many batches a normalization has seen, which changes nothing outside of training; Keras does not count them."""


def load_from_tensorflow(folder: Path, torch_class: Any, config: Any, tf: str | None, trust: bool) -> Loaded:
    """PyTorch's model with the weights of the port that lie in a folder.

    Args:
        folder: where config.json and TensorFlow's weights are.
        torch_class: the class to be filled.
        config: its configuration.
        tf: `FILE` or `FILE:CLASS` of the port; None: beside the weights, else the model is scaffolded.
        trust: whether code that lies in the folder may run.

    Raises:
        LacksWeights: the port does not have all weights of the class.
        UsageError: the port cannot be found or loaded, or does not fit the class.
    """
    name = torch_class.__name__
    with scratch_folder() as scratch:
        port = find_port(folder, tf, scratch, trust, name)
        try:
            keras_model = load_class(port).from_pretrained(str(folder), from_pt=False)
        except (TypeError, ValueError) as error:
            raise UsageError(f"The port of {name} cannot be loaded: {where_it_failed(error)}") from error
        config._attn_implementation = "eager"
        model = torch_class(config).eval()
        fill(model, keras_model, folder)
    return Loaded(model, notes=(NOTE,), from_tensorflow=True)


def fill(model: Any, keras_model: Any, folder: Path) -> None:
    """Put the weights of a port into PyTorch's model.

    Raises:
        LacksWeights: a weight of PyTorch's has no counterpart.
        UsageError: a weight has another size than PyTorch's, or no place there.
    """
    import torch

    from porter.runtime.model.names import named_variables

    state = {
        name: torch.from_numpy(entry.layout.to_torch(entry.variable.numpy()).copy())
        for name, entry in named_variables(keras_model).items()
    }
    try:
        unexpected = model.load_state_dict(state, strict=False).unexpected_keys
    except RuntimeError as error:
        raise UsageError(f"{folder} does not fit {type(model).__name__}: {_last_line(error)}") from error
    if unexpected:
        raise UsageError(f"{type(model).__name__} has no place for {unexpected[0]}.", hint="check config.json")
    model.tie_weights()
    missing = sorted(_unfilled(model, state))
    if missing:
        raise LacksWeights(folder, type(model).__name__, missing)


def _unfilled(model: Any, state: Mapping[str, Any]) -> Iterator[str]:
    """The tensors of a model that are neither in the state nor another name of one that is."""
    own = model.state_dict()
    filled = {own[name].data_ptr() for name in state}
    for name, tensor in own.items():
        if tensor.data_ptr() not in filled and not name.endswith(COUNTER):
            yield name


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()
