"""Run a TensorFlow layer alone on the inputs that PyTorch's module was given."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diffcheck.compare.align import fit_layout, to_layout
from diffcheck.record.recording import FrozenCache, Opaque
from diffcheck.record.values import TensorValue

# The default of an argument of which nothing is known.
_UNKNOWN = object()


@dataclass(frozen=True)
class Arguments:
    """What to call a layer with, and which of its own inputs had to be kept for want of a PyTorch counterpart."""

    values: Mapping[str, object]
    kept: tuple[str, ...]


def arguments_for(
    own: Mapping[str, object],
    reference: Mapping[str, object],
    accepted: Mapping[str, inspect.Parameter] | None = None,
    double: bool = False,
) -> Arguments:
    """PyTorch's recorded arguments in the form in which the layer received its own.

    ``own`` are the layer's recorded arguments, ``reference`` the module's. Arguments
    pair by name, else in order among those that hold tensors of one shape, up to the layout of channels. What
    only PyTorch's caller passed is passed too if the layer has a parameter of that name (``accepted``), and what
    PyTorch's left out is left out.
    """
    accepted = accepted or {}
    names = pair_arguments(own, reference)
    values: dict[str, object] = {}
    kept: list[str] = []
    for name, value in own.items():
        other = names.get(name)
        default = accepted[name].default if name in accepted else _UNKNOWN
        if other is None:
            values[name] = thaw(value, double)
            kept += [name] if _holds_tensors(value) else []
        elif reference[other] is None and default is None:
            values[name] = None
        elif value is None and default is inspect.Parameter.empty:  # its caller left out what the layer requires
            values[name] = _in_place_of_none(reference[other], double)
        else:
            values[name] = _substitute(value, reference[other], double)
    if values.get("training"):
        values["training"] = False  # PyTorch's module was not in training: a caller that says so is wrong itself
    for name, value in reference.items():
        if name in accepted and name not in values and isinstance(value, TensorValue):
            values[name] = _tensor(value, double)
    return Arguments(values, tuple(kept))


def pair_arguments(own: Mapping[str, object], reference: Mapping[str, object]) -> dict[str, str]:
    """TensorFlow's argument name to PyTorch's."""
    pairs = {name: name for name in own if name in reference}
    left = [name for name, value in reference.items() if name not in pairs and _holds_tensors(value)]
    for name, value in own.items():
        if name in pairs or not _holds_tensors(value):
            continue
        for other in left:
            if _alike(value, reference[other]):
                pairs[name] = other
                left.remove(other)
                break
    alone = [name for name, value in own.items() if name not in pairs and isinstance(value, TensorValue)]
    if len(alone) == len(left) == 1:
        pairs[alone[0]] = left.pop()
    # An argument that the layer's caller left out may be the mistake: it is recognised by a name like PyTorch's.
    for name, value in own.items():
        likely = [other for other in left if name not in pairs and value is None and (other in name or name in other)]
        if len(likely) == 1:
            pairs[name] = likely[0]
            left.remove(likely[0])
    return pairs


def _alike(own: object, reference: object) -> bool:
    if isinstance(reference, TensorValue) and isinstance(own, TensorValue):
        shape = own.array.shape
        return bool(to_layout(reference, shape).array.shape == shape)
    if isinstance(reference, tuple | list) and isinstance(own, tuple | list):
        return len(reference) == len(own)
    return isinstance(reference, FrozenCache) and isinstance(own, FrozenCache)


def _substitute(own: object, reference: object, double: bool) -> object:
    if isinstance(reference, TensorValue):
        return _fit(own, reference, double) if own is None or isinstance(own, TensorValue) else thaw(own, double)
    if isinstance(reference, FrozenCache) and isinstance(own, FrozenCache):
        return _filled(own.live, reference, double)
    if isinstance(reference, tuple | list) and isinstance(own, tuple | list):
        if len(reference) != len(own):
            return thaw(own, double)
        return type(own)(_substitute(mine, theirs, double) for mine, theirs in zip(own, reference, strict=True))
    if isinstance(reference, Mapping) and isinstance(own, Mapping):
        return {name: _substitute(mine, reference.get(name), double) for name, mine in own.items()}
    if isinstance(reference, int | float) and type(own) is type(reference):
        return reference
    return thaw(own, double)


def _in_place_of_none(reference: object, double: bool) -> object:
    """PyTorch's tensor, or its list of what may be absent."""
    if isinstance(reference, tuple | list):
        return type(reference)(_in_place_of_none(part, double) for part in reference)
    return _tensor(reference, double) if isinstance(reference, TensorValue) else None


def _fit(own: TensorValue | None, reference: TensorValue, double: bool) -> object:
    if own is None:
        return _tensor(reference, double)
    if (own.array.dtype.kind == "b") != (reference.array.dtype.kind == "b"):
        return _tensor(own, double)
    fitted = fit_layout(reference, own.array)
    if own.array.dtype.kind in "iu" and reference.array.dtype.kind in "iu":
        fitted = TensorValue(fitted.array.astype(own.array.dtype), own.dtype)
    return _tensor(fitted, double)


def _tensor(value: TensorValue, double: bool) -> Any:
    import tensorflow as tf

    tensor = tf.cast(tf.convert_to_tensor(value.array), value.dtype)
    return tf.cast(tensor, tf.float64) if double and tensor.dtype.is_floating else tensor


def thaw(value: object, double: bool = False) -> object:
    """The reverse of `freeze` for TensorFlow; with ``double`` float32 becomes float64."""
    if isinstance(value, TensorValue):
        return _tensor(value, double)
    if isinstance(value, Opaque):
        return value.value
    if isinstance(value, FrozenCache):
        return _filled(value.live, value, double) if double else copy.deepcopy(value.live)
    if isinstance(value, tuple | list):
        return type(value)(thaw(part, double) for part in value)
    if isinstance(value, Mapping):
        return {name: thaw(part, double) for name, part in value.items()}
    return value


def _filled(own: object, reference: FrozenCache, double: bool) -> object:
    """A copy of the layer's own cache that holds PyTorch's keys and values."""
    filled = copy.deepcopy(own)
    for path, value in reference.state.tensors.items():
        *parents, name = path.split(".")
        holder: Any = filled
        for part in parents:
            holder = _part(holder, part)
        if isinstance(holder, dict):
            holder[_key(holder, name)] = _tensor(value, double)
        elif isinstance(holder, list):
            holder[int(name)] = _tensor(value, double)
        else:
            setattr(holder, name, _tensor(value, double))
    return filled


def _part(holder: Any, name: str) -> Any:
    if isinstance(holder, dict):
        return holder[_key(holder, name)]
    if isinstance(holder, list):
        return holder[int(name)]
    return holder.layers[int(name)] if name.isdigit() else getattr(holder, name)


def _key(holder: dict[Any, Any], name: str) -> Any:
    """The key that a path wrote as ``name``; keys may be numbers."""
    return next((key for key in holder if str(key) == name), name)


def _holds_tensors(value: object) -> bool:
    if isinstance(value, tuple | list):
        return any(_holds_tensors(part) for part in value)
    return isinstance(value, TensorValue | FrozenCache)
