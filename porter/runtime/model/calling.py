"""Decorators around `call`: arguments as transformers takes them, results as it returns them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from porter.runtime.caches.cache import TracedCache
from porter.runtime.keras_internals import wraps_call
from porter.runtime.outputs.model_output import TFModelOutput

Function = TypeVar("Function", bound=Callable[..., Any])

_FROM_CONFIG = ("use_cache", "vision_feature_layer", "vision_feature_select_strategy", "vision_aspect_ratio")
_depth: ContextVar[int] = ContextVar("porter_call_depth", default=0)
_caches: ContextVar[bool] = ContextVar("porter_keeps_caches", default=True)


@contextmanager
def without_caches() -> Iterator[None]:
    """Models called meanwhile keep no cache, unless `use_cache` says so."""
    token = _caches.set(False)
    try:
        yield
    finally:
        _caches.reset(token)


def unpack_inputs(call: Function) -> Function:
    """Let `call` take its inputs as transformers' models do.

    - The first argument may be a mapping of all inputs, such as a tokenizer or `fit` gives, or, at the outermost call,
      a list or a tuple of them in the order of `call`: a model inside another one may be given a list of tensors.
    - Integer tensors become int64, PyTorch's integer type; numpy arrays become tensors.
    - `output_attentions`, `output_hidden_states` and other `output_` switches that are None come from the config.
    - `return_dict=False`, or at the outermost call `config.return_dict` when the argument is None, gives a tuple.
      The decorated function itself always sees `return_dict=True` and returns an output.
    - `training=None` becomes False.
    - In a graph a cache is copied before it is changed; eagerly it is changed in place, as in PyTorch.

    Raises:
        TypeError: the mapping has a key that `call` does not take.
    """
    signature = inspect.signature(call)
    parameters = list(signature.parameters)[1:]
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in signature.parameters.values())

    @functools.wraps(call)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], list | tuple) and not _depth.get():
            args = (*map(_plain, args[0]), *args[1:])
        if args and isinstance(args[0], Mapping):
            given = args[0] if takes_all else _checked(args[0], parameters, type(self).__name__)
            kwargs = {**{name: _plain(value) for name, value in given.items()}, **kwargs}
            args = (None, *args[1:]) if parameters[0] not in kwargs else (kwargs.pop(parameters[0]), *args[1:])
        args, kwargs = _once(parameters, args, kwargs)
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        arguments = bound.arguments
        return_dict = _return_dict(arguments, self)
        for name in parameters:
            arguments[name] = _filled(name, arguments[name], self)
        token = _depth.set(_depth.get() + 1)
        try:
            result = call(*bound.args, **bound.kwargs)
        finally:
            _depth.reset(token)
        if not isinstance(result, TFModelOutput):
            return result
        output = result if _depth.get() else for_caller(result)
        return output if return_dict else output.to_tuple()

    wrapper.__signature__ = _without_required(signature)  # type: ignore[attr-defined]  # functions take attributes
    return wrapper  # type: ignore[return-value]


def for_caller(output: TFModelOutput) -> TFModelOutput:
    """What the outermost call gives: the output as it is."""
    return output


def _without_required(signature: inspect.Signature) -> inspect.Signature:
    """The signature as Keras may check it: a mapping that stands first can hold every argument."""
    owner, first, *others = signature.parameters.values()
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    required = {each.name for each in others if each.kind not in variable and each.default is each.empty}
    optional = [each.replace(default=None) if each.name in required else each for each in others]
    return signature.replace(parameters=[owner, first, *optional])


def _checked(inputs: Mapping[str, Any], parameters: list[str], owner: str) -> dict[str, Any]:
    unknown = [str(key) for key in inputs if key not in parameters]
    if unknown:
        raise TypeError(f"{owner} takes no {', '.join(unknown)}; it takes {', '.join(parameters)}.")
    return dict(inputs)


def _once(
    parameters: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments without a None by position for what a keyword gives: so Keras 2 calls a model that it saves."""
    named = dict(zip(parameters, args, strict=False))
    twice = {name for name, value in named.items() if value is None and name in kwargs}
    if not twice:
        return args, kwargs
    return (), {**{name: value for name, value in named.items() if name not in twice}, **kwargs}


def _plain(value: Any) -> Any:
    """A value of a mapping or a list, of whose Python numbers and switches Keras 2 makes tensors."""
    known = tf.get_static_value(value) if tf.is_tensor(value) and value.shape.rank == 0 else None
    return value if known is None else known.item()


def _return_dict(arguments: dict[str, Any], model: Any) -> bool:
    wanted = arguments.get("return_dict")
    if wanted is None:
        wanted = _depth.get() > 0 or getattr(model.config, "return_dict", True)
    return bool(wanted)


def _filled(name: str, value: Any, model: Any) -> Any:
    if name == "return_dict":
        return True
    if name == "training":
        return False if value is None else value
    if name == "use_cache" and value is None and not _caches.get():
        return False
    if value is None and name.startswith("output_"):
        return getattr(model.config, name, None)
    if isinstance(value, TracedCache) and _depth.get() == 0 and not tf.executing_eagerly():
        return value.copy()
    return _standard_integers(value)


def _standard_integers(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = tf.convert_to_tensor(value)
    return tf.cast(value, tf.int64) if tf.is_tensor(value) and value.dtype == tf.int32 else value


def taken_by(layer: Any, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some keywords that a layer's `call`, or a function, takes: PyTorch's let others pass in `**kwargs`."""
    of_call = getattr(layer, "call_signature_parameters", None)  # of every layer
    names = inspect.signature(layer).parameters if of_call is None else of_call
    return {key: value for key, value in keywords.items() if key in names}


def merge_with_config_defaults(call: Function) -> Function:
    """Take `use_cache` and the vision feature switches from the config where the argument is None.

    Stands where PyTorch's class has the decorator of the same name, under `unpack_inputs`.
    """
    signature = inspect.signature(call)
    names = [name for name in _FROM_CONFIG if name in signature.parameters]

    @wraps_call(call)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        for name in names:
            if bound.arguments[name] is None:
                bound.arguments[name] = getattr(self.config, name, None)
        return call(*bound.args, **bound.kwargs)

    return wrapper  # type: ignore[return-value]
