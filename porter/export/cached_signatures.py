"""The port's functions that go on from keys and values: of a decoder, or of an encoder and the decoder beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Any

import numpy as np

from porter.base.errors import UsageError
from porter.export.parts import ENCODER, IDS, PAST, Part
from porter.subject.inputs.arrays import Array
from porter.subject.inputs.companions import MASK
from porter.subject.inputs.trials import Trial

SIGNATURES = {
    "model": "decode",
    ENCODER: "encode",
    "decoder_model": "decode_first",
    "decoder_with_past_model": "decode",
}
"""What the function of each part is called in a SavedModel."""
SELF, CROSS = "self_attention_cache", "cross_attention_cache"
WINDOW = "DynamicSlidingWindowLayer"
KEPT = ("DynamicLayer", WINDOW)
"""The layers of caches that keys and values alone make up."""
Tensors = Mapping[str, Any]


def cached_function(model: Any, torch_model: Any, part: Part) -> Any:
    """A `tf.function` of one mapping of tensors, by the part's names, in any batch and length.

    Args:
        model: the whole Keras model.
        torch_model: PyTorch's, which says where the encoder is.
        part: what it is to compute.

    Raises:
        UsageError: the part's cache is of a kind that keys and values alone do not make up.
    """
    import tensorflow as tf

    _check_kinds(part)
    is_encoder = part.name == ENCODER
    called = attrgetter(_path(torch_model, part.module))(model) if is_encoder else model
    options = {} if is_encoder else {"use_cache": True}
    names = _names(part, part.traced)

    def serve(inputs: Tensors) -> dict[str, Any]:
        tensors = {path: inputs[name] for path, name in names.items()}
        given = {name: _rebuilt(value, name, tensors) for name, value in part.traced.inputs.items()}
        outputs = dict(_leaves(called(**given, **options), ""))
        named = {part.rename(path, "present"): tensor for path, tensor in outputs.items()}
        return {name: tensor for name, tensor in named.items() if name is not None}

    return tf.function(serve, input_signature=[specs_of(part)])


def arrays_of(part: Part, trial: Trial | None = None) -> dict[str, Array]:
    """The inputs of a trial, or else the traced ones, as arrays by the part's names."""
    from diffcheck.record.values import flatten

    trial = trial or part.traced
    tensors = flatten(trial.inputs).tensors
    return {name: tensors[path].array for path, name in _names(part, trial).items()}


def _names(part: Part, trial: Trial) -> dict[str, str]:
    """The part's name of each input by PyTorch's path, without those that it does not read."""
    from diffcheck.record.values import flatten

    named = {path: part.rename(path, PAST) for path in flatten(trial.inputs).tensors}
    return {path: name for path, name in named.items() if name is not None}


def specs_of(part: Part) -> dict[str, Any]:
    """The inputs with unknown batch, and unknown sizes where the part says so or its trials differ."""
    import tensorflow as tf

    others = [arrays_of(part, trial) for trial in part.trials]
    found = {}
    for name, array in arrays_of(part).items():
        sizes = [{each[name].shape[axis] for each in others if name in each} for axis in range(array.ndim)]
        open_axes = {0, *part.axes.get(name, {}), *(axis for axis, seen in enumerate(sizes) if len(seen) > 1)}
        shape = [None if axis in open_axes else size for axis, size in enumerate(array.shape)]
        found[name] = tf.TensorSpec(shape, array.dtype, name=name)
    return found


def _path(model: Any, module: Any) -> str:
    """Where a module is kept in PyTorch's model; the port keeps it there too."""
    paths: dict[int, str] = {id(found): path for path, found in model.named_modules()}
    return paths[id(module)]


def _check_kinds(part: Part) -> None:
    """Refuse caches whose layers hold more than keys and values.

    Raises:
        UsageError: naming the first such layer.
    """
    for cache in _caches(part.traced.inputs.get(PAST)):
        for layer in cache.layers:
            kind = type(layer).__name__
            counted = MASK in part.traced.inputs and IDS in part.traced.inputs
            if kind not in KEPT or (kind == WINDOW and not counted):
                raise UsageError(f"A cache of {kind} is more than keys and values.", hint="leave -with-past out")


def _caches(cache: Any) -> Iterator[Any]:
    if cache is None:
        return
    if hasattr(cache, SELF):
        yield from (getattr(cache, SELF), getattr(cache, CROSS))
    else:
        yield cache


def _rebuilt(value: Any, path: str, tensors: Tensors) -> Any:
    """An argument in the form that PyTorch's has, of tensors by PyTorch's paths."""
    if isinstance(value, np.ndarray):
        return tensors[path] if path in tensors else _unread(value, tensors)
    if isinstance(value, tuple):
        return tuple(_rebuilt(each, f"{path}.{number}", tensors) for number, each in enumerate(value))
    if not hasattr(value, SELF):
        return _cache(value, path, tensors)
    from porter.runtime.caches import EncoderDecoderCache

    return EncoderDecoderCache(*(_cache(getattr(value, name), f"{path}.{name}", tensors) for name in (SELF, CROSS)))


def _unread(like: Array, tensors: Tensors) -> Any:
    """In place of the encoder's states, whose keys and values are in the cache: zeros in their size."""
    import tensorflow as tf

    keys = tensors[f"{PAST}.{CROSS}.0.keys"]
    return tf.zeros([tf.shape(keys)[0], tf.shape(keys)[2], like.shape[-1]], like.dtype)


def _cache(cache: Any, path: str, tensors: Tensors) -> Any:
    """A cache with these keys and values, its layers of the same kinds."""
    import tensorflow as tf

    from porter.runtime import caches

    layers = []
    for number, layer in enumerate(cache.layers):
        kept = getattr(caches, type(layer).__name__)(sliding_window=getattr(layer, "sliding_window", None))
        kept.keys, kept.values = (tensors[f"{path}.{number}.{kind}"] for kind in ("keys", "values"))
        kept.is_initialized = True
        for counter in kept.counters:  # what has left the window was counted, and the mask is as long as all
            seen, new = (tf.shape(tensors[name], tf.int64)[1] for name in (MASK, IDS))
            setattr(kept, counter, seen - new)
        layers.append(kept)
    made = caches.DynamicCache()
    made.layers = layers
    return made


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The tensors inside an output, by the paths that a comparison gives them."""
    import tensorflow as tf

    from diffcheck.record.values import children

    if tf.is_tensor(value):
        yield path, value
        return
    for name, inner in children(value) or () if value is not None else ():
        yield from _leaves(inner, f"{path}.{name}" if path else name)
