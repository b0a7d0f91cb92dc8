"""PyTorch's hooks on the call of a layer: functions that see, or change, what a layer is given and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


class _HookedCall:
    """The call of a layer with its hooks, which run in the order in which they were registered."""

    def __init__(self, own: Callable[..., Any]) -> None:
        self.own = own
        self.before: list[Callable[..., Any]] = []
        self.after: list[Callable[..., Any]] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for prepare in self.before:
            args, kwargs = prepare(args, kwargs)
        result = self.own(*args, **kwargs)
        for change in self.after:
            result = change(args, kwargs, result)
        return result


class Hook:
    """What registering a hook gives: `remove` takes the hook away again."""

    def __init__(self, hooks: list[Callable[..., Any]], hook: Callable[..., Any]) -> None:
        self._hooks, self._hook = hooks, hook
        hooks.append(hook)

    def remove(self) -> None:
        """The layer is called as if there had been no such hook."""
        if self._hook in self._hooks:
            self._hooks.remove(self._hook)


def forward_hook(layer: keras.layers.Layer, hook: Callable[..., Any], with_kwargs: bool = False) -> Hook:
    """`layer.register_forward_hook(hook)`: what the hook returns, if anything, takes the place of the result."""

    def change(args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Any:
        changed = hook(layer, args, kwargs, result) if with_kwargs else hook(layer, args, result)
        return result if changed is None else changed

    return Hook(_hooked(layer).after, change)


def forward_pre_hook(layer: keras.layers.Layer, hook: Callable[..., Any], with_kwargs: bool = False) -> Hook:
    """`layer.register_forward_pre_hook(hook)`: what the hook returns, if anything, is what the layer is given."""

    def prepare(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if with_kwargs:
            return hook(layer, args, kwargs) or (args, kwargs)
        changed = hook(layer, args)
        if changed is None:
            return args, kwargs
        return changed if isinstance(changed, tuple) else (changed,), kwargs

    return Hook(_hooked(layer).before, prepare)


def _hooked(layer: keras.layers.Layer) -> _HookedCall:
    if not isinstance(layer.call, _HookedCall):
        layer.call = _HookedCall(layer.call)
    return layer.call
