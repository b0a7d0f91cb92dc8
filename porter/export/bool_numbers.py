"""True and False where an operation of PyTorch's takes a number, which TorchScript's tracer cannot write down."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

NUMBER, TENSOR, FLAG = "number", "Tensor", "bool"
Place = int | str


def bools_as_tensors() -> AbstractContextManager[Any]:
    """Within the block, a bool where a number is expected goes in as a tensor without axes, else as 0 or 1.

    The results are the same: a tensor without axes promotes as the number does. ``torch.full`` alone takes its type
    from the bool, and is told it.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    class AsTensors(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            given = dict(kwargs or {})
            places = _places(getattr(func, "__name__", ""))
            if not places or not any(isinstance(value, bool) for value in (*args, *given.values())):
                return func(*args, **given)
            if func is torch.full:
                given.setdefault("dtype", torch.bool)
            changed = [_plain(value, places.get(at)) for at, value in enumerate(args)]
            return func(*changed, **{name: _plain(value, places.get(name)) for name, value in given.items()})

    mode: AbstractContextManager[Any] = AsTensors()
    return mode


def _plain(value: Any, kind: str | None) -> Any:
    import torch

    if not isinstance(value, bool) or kind is None:
        return value
    return torch.tensor(value) if kind == TENSOR else int(value)


@functools.cache
def _places(name: str) -> Mapping[Place, str]:
    """The arguments of an operation that are numbers, by position and name: each `Tensor` where one is taken too."""
    import torch

    packet = getattr(torch.ops.aten, name.strip("_") if name.startswith("__") else name, None)
    kinds: dict[str, set[str]] = {}
    numbered: dict[int, set[str]] = {}
    for overload in packet.overloads() if packet is not None else ():
        schema = getattr(packet, overload)._schema
        if [str(result.type) for result in schema.returns] != [TENSOR]:  # numbers alone are computed with by Python
            continue
        for at, argument in enumerate(schema.arguments):
            kind = str(argument.type).removeprefix("Optional[").removesuffix("]")
            kinds.setdefault(argument.name, set()).add(kind)
            if not argument.kwarg_only:
                numbered.setdefault(at, set()).add(argument.name)
    places: dict[Place, str] = {
        name: TENSOR if TENSOR in found else NUMBER
        for name, found in kinds.items()
        if NUMBER in found and FLAG not in found
    }
    for at, names in numbered.items():
        own = [places[name] for name in names if name in places]
        if own and not any(FLAG in kinds[name] for name in names):
            places[at] = own[0]
    return places
