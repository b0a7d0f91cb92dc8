"""Run a TensorFlow layer alone on the inputs that PyTorch's module was given."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from diffcheck.align import to_layout
from diffcheck.recording import FrozenCache
from diffcheck.values import TensorValue, as_tensor, is_cache, is_tensor


@dataclass(frozen=True)
class Arguments:
    """What to call a layer with, and which of its own inputs had to be kept for want of a PyTorch counterpart."""

    values: Mapping[str, object]
    kept: tuple[str, ...]


def arguments_for(
    live: Mapping[str, object],
    reference: Mapping[str, object],
    accepted: Collection[str] = (),
    double: bool = False,
) -> Arguments:
    """PyTorch's recorded arguments in the form in which the layer received its own.

    ``live`` are the layer's bound arguments in its own run, ``reference`` the module's frozen ones. Arguments
    pair by name, else in order among those that hold tensors of one shape, up to the layout of channels. What
    only PyTorch's caller passed is passed too if the layer has a parameter of that name (``accepted``).
    """
    names = pair_arguments(live, reference)
    values: dict[str, object] = {}
    kept: list[str] = []
    for name, own in live.items():
        other = names.get(name)
        values[name] = _substitute(own, reference[other], double) if other is not None else _own(own, double)
        if other is None and _holds_tensors(own):
            kept.append(name)
    for name, value in reference.items():
        if name in accepted and name not in values and isinstance(value, TensorValue):
            values[name] = _tensor(value, double)
    return Arguments(values, tuple(kept))


def pair_arguments(live: Mapping[str, object], reference: Mapping[str, object]) -> dict[str, str]:
    """TensorFlow's argument name to PyTorch's."""
    pairs = {name: name for name in live if name in reference}
    left = [name for name, value in reference.items() if name not in pairs and _frozen_holds_tensors(value)]
    for name, own in live.items():
        if name in pairs or not _holds_tensors(own):
            continue
        for other in left:
            if _alike(own, reference[other]):
                pairs[name] = other
                left.remove(other)
                break
    alone = [name for name, own in live.items() if name not in pairs and is_tensor(own)]
    if len(alone) == len(left) == 1:
        pairs[alone[0]] = left.pop()
    # An argument that the layer's caller left out may be the mistake: it is recognised by a name like PyTorch's.
    for name, own in live.items():
        likely = [other for other in left if name not in pairs and own is None and (other in name or name in other)]
        if len(likely) == 1:
            pairs[name] = likely[0]
            left.remove(likely[0])
    return pairs


def _alike(own: object, reference: object) -> bool:
    if isinstance(reference, TensorValue) and is_tensor(own):
        shape = _shape(own)
        return bool(to_layout(reference, shape).array.shape == shape)
    if isinstance(reference, tuple | list) and isinstance(own, tuple | list):
        return len(reference) == len(own)
    return isinstance(reference, FrozenCache) and is_cache(own)


def _substitute(own: object, reference: object, double: bool) -> object:
    if isinstance(reference, TensorValue):
        return _fit(own, reference, double) if own is None or is_tensor(own) else own
    if isinstance(reference, FrozenCache) and is_cache(own):
        return _filled(own, reference, double)
    if isinstance(reference, tuple | list) and isinstance(own, tuple | list):
        if len(reference) != len(own):
            return _own(own, double)
        return type(own)(_substitute(mine, theirs, double) for mine, theirs in zip(own, reference, strict=True))
    if isinstance(reference, Mapping) and isinstance(own, Mapping):
        return {name: _substitute(mine, reference.get(name), double) for name, mine in own.items()}
    if isinstance(reference, int | float) and type(own) is type(reference):
        return reference
    return _own(own, double)


def _fit(own: object, reference: TensorValue, double: bool) -> object:
    if own is None:
        return _tensor(reference, double)
    wanted = as_tensor(own)
    assert wanted is not None
    if (wanted.array.dtype.kind == "b") != (reference.array.dtype.kind == "b"):
        return _own(own, double)
    fitted = to_layout(reference, wanted.array.shape)
    if wanted.array.dtype.kind in "iu" and reference.array.dtype.kind in "iu":
        fitted = TensorValue(fitted.array.astype(wanted.array.dtype), wanted.dtype)
    return _tensor(fitted, double)


def _tensor(value: TensorValue, double: bool) -> Any:
    import tensorflow as tf

    tensor = tf.cast(tf.convert_to_tensor(value.array), value.dtype)
    return tf.cast(tensor, tf.float64) if double and tensor.dtype.is_floating else tensor


def _own(value: object, double: bool) -> object:
    import tensorflow as tf

    if isinstance(value, tf.Tensor) and double and value.dtype.is_floating:
        return tf.cast(value, tf.float64)
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        return type(value)(_own(part, double) for part in value)
    return copy.deepcopy(value) if is_cache(value) else value


def _filled(own: object, reference: FrozenCache, double: bool) -> object:
    """A copy of the layer's own cache that holds PyTorch's keys and values."""
    filled = copy.deepcopy(own)
    for path, value in reference.state.tensors.items():
        *parents, name = path.split(".")
        holder: Any = filled
        for part in parents:
            holder = holder.layers[int(part)] if part.isdigit() else getattr(holder, part)
        setattr(holder, name, _tensor(value, double))
    return filled


def _shape(tensor: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in tensor.shape)


def _holds_tensors(value: object) -> bool:
    if isinstance(value, tuple | list):
        return any(_holds_tensors(part) for part in value)
    return is_tensor(value) or is_cache(value)


def _frozen_holds_tensors(value: object) -> bool:
    if isinstance(value, tuple | list):
        return any(_frozen_holds_tensors(part) for part in value)
    return isinstance(value, TensorValue | FrozenCache)
