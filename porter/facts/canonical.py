"""Canonical names: what an object is called publicly, however the file imported it."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Collection, Mapping
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)

# The first of these that holds an object names it: F.conv1d and torch.conv1d are one object.
PUBLIC_MODULES = (
    "builtins",
    "math",
    "operator",
    "torch.nn.functional",
    "torch.nn",
    "torch",
    "torch.linalg",
    "torch.fft",
    "torch.special",
    "torch.masked",
    "numpy",
    "numpy.random",
    "random",
)
LOCAL = "local"
PARAMETRIZED = "torch.nn.utils.parametrize"
CACHED = type(functools.cache(len))
BOUND_BUILTINS = (BuiltinFunctionType, MethodWrapperType)
ROUTINES = (FunctionType, MethodType, MethodDescriptorType, WrapperDescriptorType, ClassMethodDescriptorType,
            *BOUND_BUILTINS)  # fmt: skip


def canonical(obj: object, local_modules: Collection[str] = ()) -> str:
    """The name of a class, function, bound method or python module; for any other object that of its class.

    `torch.nn.Linear`, `torch.Tensor.view`, `transformers.masking_utils.create_causal_mask`, `builtins.len`.
    What belongs to one of `local_modules` is `local.BertLayer`, methods `local.BertLayer.forward` with the class
    that defines them. A functools.partial has the name of its function.
    """
    obj = unwrapped(obj)
    if isinstance(obj, ModuleType):
        return obj.__name__
    public = _public_names().get(id(obj))
    if public is not None:
        return public
    if _is_mapped(obj):
        return "torch.vmap.mapped"  # it bears the name of the function that it maps
    if isinstance(obj, MethodType):
        return canonical(obj.__func__, local_modules)
    if not isinstance(obj, (type, *ROUTINES)):
        return canonical(type(obj), local_modules)
    if isinstance(obj, type) and obj.__name__.startswith("Parametrized") and obj.__module__ == PARAMETRIZED:
        return canonical(obj.__mro__[1], local_modules)  # made on the fly by weight_norm and its like
    owner = _owner(obj)
    if owner is not None:
        return f"{canonical(owner, local_modules)}.{obj.__name__}"
    module = getattr(obj, "__module__", None) or "builtins"
    return f"{LOCAL if module in local_modules else module}.{obj.__qualname__}"


def unwrapped(obj: object) -> object:
    """The function inside partials, caches, and what `torch.jit.script` has made."""
    while isinstance(obj, (functools.partial, CACHED)):
        obj = obj.func if isinstance(obj, functools.partial) else vars(obj)["__wrapped__"]
    return getattr(obj, "_torchdynamo_inline", obj) if type(obj).__name__ == "ScriptFunction" else obj


def _is_mapped(obj: object) -> bool:
    """Whether `torch.vmap` has made a function out of another."""
    made_by = str(getattr(obj, "__globals__", {}).get("__name__", "")) if isinstance(obj, FunctionType) else ""
    return made_by.startswith("torch._functorch") and hasattr(obj, "__wrapped__")


def _owner(obj: object) -> type | None:
    """The class that a method (bound to a builtin object, a slot, or a plain function) is defined in."""
    import torch

    owner: object = getattr(obj, "__objclass__", None)
    bound_to = getattr(obj, "__self__", None)
    if owner is None and isinstance(obj, BOUND_BUILTINS) and not inspect.ismodule(bound_to):
        owner = bound_to if inspect.isclass(bound_to) else type(bound_to) if bound_to is not None else None
    if owner is None and "." in getattr(obj, "__qualname__", ""):
        module = sys.modules.get(getattr(obj, "__module__", None) or "")
        owner = functools.reduce(lambda o, name: getattr(o, name, None), _path_to_owner(obj), module)
    if not isinstance(owner, type):
        return None
    return torch.Tensor if issubclass(owner, torch.Tensor | torch._C.TensorBase) else owner


def _path_to_owner(obj: object) -> list[str]:
    return str(getattr(obj, "__qualname__", "")).split(".")[:-1]


@functools.cache
def _public_names() -> Mapping[int, str]:
    """id -> name of every function and class of the public modules, all of which live as long as the process."""
    names: dict[int, str] = {}
    for module_name in PUBLIC_MODULES:
        module, package = importlib.import_module(module_name), module_name.split(".")[0]
        for name, obj in vars(module).items():
            if name.startswith("_") or inspect.ismodule(obj) or not callable(obj):
                continue
            foreign = not str(getattr(obj, "__module__", None) or package).lstrip("_").startswith(package)
            if foreign or (inspect.isclass(obj) and module_name == "torch.nn.functional"):
                continue
            names.setdefault(id(obj), f"{module_name}.{name}")
    return names
