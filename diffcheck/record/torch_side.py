"""Run and record a PyTorch model. PyTorch is imported by the functions, not by this module."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np

from diffcheck.record.copies import Copies
from diffcheck.record.recording import (
    FrozenCache,
    Module,
    ModuleCall,
    Opaque,
    Parameter,
    Recorder,
    Recording,
    Structure,
    bind,
    fingerprint,
    freeze,
)
from diffcheck.record.sources import WidenedNames, modeling_namespaces, sources_of
from diffcheck.record.values import Flattened, TensorValue, flatten, view_of

FRAMEWORK = "pytorch"
NO_FLOAT64 = (RuntimeError, TypeError, ValueError)
"""What is raised by a model that does not run in float64."""
# Where a configuration of transformers keeps how the experts of a mixture are computed.
EXPERTS = "_experts_implementation_internal"


def record(model: Any, inputs: Mapping[str, object], copies: Copies | None = None) -> Recording:
    """Run ``model(**inputs)`` without gradients and record every ``torch.nn.Module``.

    Inputs are numpy arrays or plain values; the model is put into eval mode and left in the mode it had.
    """
    recorder = Recorder(FRAMEWORK, copies or Copies())
    with ExitStack() as stack:
        stack.enter_context(evaluating(model))
        for path, module in model.named_modules():
            stack.enter_context(_watched(path, module, recorder))
        output = model(**to_torch(inputs))
    return recorder.recording(output)


def structure(model: Any) -> Structure:
    """The module tree and the parameters, tied ones under their first name."""
    first: dict[int, str] = {}
    parameters: list[Parameter] = []
    for constant, named in ((False, model.named_parameters()), (True, _persistent_buffers(model))):
        for name, tensor in named:
            first[id(tensor)] = name
            array = tensor.detach().cpu().float().numpy() if tensor.is_floating_point() else tensor.cpu().numpy()
            parameters.append(Parameter(name, tuple(array.shape), fingerprint(array), constant))
    places = sources_of(type(module) for module in model.modules())
    modules = tuple(
        Module(path, type(module).__name__, _owned(module, first), *places[type(module)])
        for path, module in model.named_modules()
    )
    every = model.named_parameters(remove_duplicate=False)
    tied = {name: first[id(tensor)] for name, tensor in every if first.get(id(tensor), name) != name}
    return Structure(FRAMEWORK, modules, tuple(parameters), tied)


def parameter_array(model: Any, name: str) -> np.ndarray[Any, Any]:
    """One parameter or buffer as numpy (bfloat16 widened to float32)."""
    value = flatten(model.state_dict()[name])
    return next(iter(value.tensors.values())).array


def parameters(model: Any, names: Iterable[str]) -> dict[str, TensorValue]:
    """Parameters and buffers by name, as numpy without a copy: for as long as the model is not changed."""
    state = model.state_dict()
    views = {name: view_of(state[name]) for name in names}
    return {name: view for name, view in views.items() if view is not None}


def run(model: Any, inputs: Mapping[str, object]) -> Flattened:
    """The outputs alone: no module is watched."""
    with evaluating(model):
        return flatten(model(**to_torch(inputs)))


def run_double(model: Any, inputs: Mapping[str, object]) -> Flattened:
    """The outputs in float64, inputs and weights widened: what the model computes without rounding."""
    with in_float64(model), evaluating(model):
        return flatten(model(**to_torch(widen(inputs))))


def replay(model: Any, call: ModuleCall, double: bool = False) -> Flattened:
    """Call one module alone with its recorded arguments. With ``double`` the model must be in float64 already."""
    module = model.get_submodule(call.path)
    arguments = {name: thaw(value, double) for name, value in call.arguments.items()}
    args, kwargs = _as_call(type(module).forward, arguments)
    with evaluating(model):
        return flatten(module(*args, **kwargs))


def size(model: Any) -> int:
    """Bytes of a model's weights."""
    return sum(tensor.numel() * tensor.element_size() for tensor in (*model.parameters(), *model.buffers()))


def strip(model: Any, paths: Collection[str]) -> None:
    """Free the memory of all weights but those in the modules at ``paths``."""
    import torch

    wanted = {id(tensor) for tensor in _tensors(model, paths)}
    for tensor in (*model.parameters(), *model.buffers()):
        if id(tensor) not in wanted:
            tensor.data = torch.empty(0, dtype=tensor.dtype)


def _tensors(model: Any, paths: Collection[str]) -> list[Any]:
    parts = [model.get_submodule(path) for path in paths]
    found = [tensor for part in parts for tensor in (*part.parameters(), *part.buffers())]
    return list({id(tensor): tensor for tensor in found}.values())


@contextmanager
def in_float64(model: Any, paths: Collection[str] = ("",)) -> Iterator[None]:
    """Widen the modules at ``paths`` in place, by default all, and narrow them again.

    A ``torch.float32`` written in the model's file means float64 meanwhile.
    """
    import torch

    tensors = _tensors(model, paths)
    dtypes = [tensor.dtype for tensor in tensors]
    with ExitStack() as stack:
        for namespace in modeling_namespaces(type(module) for module in model.modules()):
            if getattr(namespace, "torch", None) is torch:
                stack.enter_context(mock.patch.object(namespace, "torch", WidenedNames(torch)))
        stack.enter_context(mock.patch.object(torch.Tensor, "float", torch.Tensor.double))
        for config in _configs_of_experts(model):  # PyTorch's product of grouped matrices takes no float64
            stack.enter_context(mock.patch.object(config, EXPERTS, "eager"))
        try:
            for tensor in tensors:
                if tensor.is_floating_point():
                    tensor.data = tensor.data.double()
            yield
        finally:
            for tensor, dtype in zip(tensors, dtypes, strict=True):
                tensor.data = tensor.data.to(dtype)


def _configs_of_experts(model: Any) -> list[Any]:
    """The configurations by which transformers chooses how a mixture's experts are computed."""
    configs = {id(config): config for module in model.modules() if (config := getattr(module, "config", None))}
    return [config for config in configs.values() if getattr(config, EXPERTS, None) is not None]


def to_torch(inputs: Mapping[str, object]) -> dict[str, object]:
    """Numpy arrays as PyTorch tensors, anything else unchanged."""
    return {name: thaw(freeze(value)) for name, value in inputs.items()}


def thaw(value: object, double: bool = False) -> object:
    """The reverse of :func:`diffcheck.record.recording.freeze`; with ``double`` float32 becomes float64."""
    import torch

    if isinstance(value, TensorValue):
        tensor = torch.from_numpy(np.array(value.array)).to(getattr(torch, value.dtype))
        return tensor.double() if double and tensor.is_floating_point() else tensor
    if isinstance(value, Opaque):
        return value.value
    if isinstance(value, FrozenCache):
        live = copy.deepcopy(value.live)
        return _widen_cache(live) if double else live
    if isinstance(value, Mapping):
        return {name: thaw(part, double) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(thaw(part, double) for part in value)
    return value


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Eval mode without gradients; each module gets the mode it had back."""
    import torch

    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _watched(path: str, module: Any, recorder: Recorder) -> Iterator[None]:
    forward = type(module).forward

    def before(owner: Any, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        named = bind(forward, (owner, *args), kwargs)
        named.pop(next(iter(named), ""), None)
        recorder.begin(path, type(owner).__name__, named)

    def after(owner: Any, args: tuple[object, ...], kwargs: dict[str, object], output: object) -> None:
        recorder.end(output)

    handles = [
        module.register_forward_pre_hook(before, with_kwargs=True),
        module.register_forward_hook(after, with_kwargs=True),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _as_call(
    forward: Callable[..., object], arguments: Mapping[str, object]
) -> tuple[list[object], dict[str, object]]:
    positional = [value for name, value in arguments.items() if "." in name]
    only = {
        name
        for name, parameter in inspect.signature(forward).parameters.items()
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY
    }
    before = [value for name, value in arguments.items() if name in only]
    if positional:
        return list(arguments.values()), {}
    return before, {name: value for name, value in arguments.items() if name not in only}


def _owned(module: Any, first: Mapping[int, str]) -> tuple[str, ...]:
    tensors = [*module.parameters(), *(buffer for _, buffer in _persistent_buffers(module))]
    return tuple(dict.fromkeys(first[id(tensor)] for tensor in tensors if id(tensor) in first))


def _persistent_buffers(model: Any) -> Iterator[tuple[str, Any]]:
    for path, module in model.named_modules():
        for name, buffer in module.named_buffers(recurse=False):
            if name not in module._non_persistent_buffers_set:
                yield (f"{path}.{name}" if path else name), buffer


def widen(inputs: Mapping[str, object]) -> dict[str, object]:
    """Inputs with their arrays of floats in float64, in lists and tables too."""
    return {name: _widened(value) for name, value in inputs.items()}


def _widened(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.astype(np.float64) if value.dtype.kind == "f" else value
    if isinstance(value, Mapping):
        return widen(value)
    if type(value) in (list, tuple):
        return type(value)(_widened(item) for item in value)  # type: ignore[call-arg, attr-defined]
    return value


def _widen_cache(cache: Any) -> Any:
    import torch

    for part in (cache, *(getattr(cache, name, None) for name in ("self_attention_cache", "cross_attention_cache"))):
        for layer in getattr(part, "layers", ()):
            for name, value in vars(layer).items():
                if isinstance(value, torch.Tensor) and value.is_floating_point():
                    setattr(layer, name, value.double())
                elif isinstance(value, torch.dtype) and value.is_floating_point:
                    setattr(layer, name, torch.float64)
    return cache
