"""Whether a method is a tensor's: by its canonical name, or by its own name where no run has shown the receiver."""

from __future__ import annotations

from typing import Literal

_PREFIX = "torch.Tensor."
# What models keep beside tensors and call methods of.
_PYTHONS = (str, list, dict, tuple)
# Methods of torch.nn.Module that are called of modules as often as of tensors; `x.float()` mostly is a tensor's.
_OF_MODULES_TOO = frozenset({"to", "type"})

Owner = Literal["tensor", "python", "module"]


def tensor_method(name: str) -> str:
    """The canonical name of a tensor's method: `torch.Tensor.view` for `view`."""
    return _PREFIX + name


def is_tensor_method(canonical: str) -> bool:
    """Whether a canonical name is that of a tensor's method or attribute."""
    return canonical.startswith(_PREFIX)


def is_method(canonical: str) -> bool:
    """Whether a canonical name is that of a method of torch: of a tensor, a module, a size or a generator."""
    return canonical.startswith((_PREFIX, "torch.nn.Module.", "torch.Size.", "torch.Generator."))


def is_module_method(name: str) -> bool:
    """Whether every torch.nn.Module has a method of this name, `forward` and what all objects have aside."""
    import torch

    return name != "forward" and hasattr(torch.nn.Module, name) and not hasattr(object, name)


def owner_of_method(name: str) -> Owner | None:
    """Say who has a method of this name: tensors alone, or Python's own types or modules as well.

    Of a name that tensors share, the name alone does not tell what it is called of. No tensor has it: None.
    """
    import torch

    if not hasattr(torch.Tensor, name):
        return None
    if any(hasattr(kind, name) for kind in _PYTHONS):
        return "python"
    return "module" if name in _OF_MODULES_TOO else "tensor"
