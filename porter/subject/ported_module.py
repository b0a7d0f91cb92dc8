"""The port of a plain module, made with the same arguments and given the same weights as the PyTorch module."""

from __future__ import annotations

import copy
import sys
from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from porter.runtime.model.json_arguments import as_objects
from porter.subject.case import Case
from porter.subject.torch_model import RUN_ERRORS


def constructed_port(case: Case, port_class: Any, torch_names: Mapping[str, Any]) -> Any:
    """The port with the arguments of the case.

    Args:
        case: with `arguments`.
        port_class: the TensorFlow class.
        torch_names: the names of the PyTorch file, for classes of configurations that the port does not define.
    """
    ported = vars(sys.modules[port_class.__module__])
    names = ChainMap(_without_prefix(ported), dict(ported), dict(_configurations(torch_names)))
    return port_class(**as_objects(copy.deepcopy(dict(case.arguments or {})), port_class, names))


def _without_prefix(names: Mapping[str, Any]) -> dict[str, Any]:
    """The classes of the port under the names that they have in PyTorch."""
    return {name.removeprefix("TF"): value for name, value in names.items() if name.startswith("TF")}


def _configurations(names: Mapping[str, Any]) -> Mapping[str, Any]:
    import torch

    return {
        name: value
        for name, value in names.items()
        if isinstance(value, type) and not issubclass(value, torch.nn.Module | torch.Tensor)
    }


def save_model(model: Any, folder: Path) -> None:
    """Write `config.json` and the weights of a model of transformers.

    transformers refuses to save some models that it runs, such as those that name their tied weights in a list, as its
    versions before 5 did. Of these the `state_dict` is written.
    """
    try:
        model.save_pretrained(folder)
    except RUN_ERRORS:
        model.config.save_pretrained(folder)
        save_weights(model, folder)


def save_weights(model: Any, folder: Path) -> Path:
    """The `state_dict` of a PyTorch module as a safetensors file in the folder, tied tensors once."""
    from safetensors.torch import save_file

    tensors: dict[str, Any] = {}
    seen: set[tuple[int, int]] = set()
    for name, tensor in model.state_dict(keep_vars=True).items():
        place = (tensor.data_ptr(), tensor.numel())
        if tensor.numel() and place in seen:
            continue
        seen.add(place)
        tensors[name] = tensor.detach().clone().contiguous()
    file = folder / "model.safetensors"
    save_file(tensors, file, metadata={"format": "pt"})  # transformers 4 asks for it
    return file
