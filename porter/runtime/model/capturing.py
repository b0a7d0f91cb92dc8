"""Hidden states and attentions, collected from the layers that compute them.

A model class says in `_can_record_outputs` which layers yield what; its decorated `call` collects what was asked for
and puts it into the output. Works eagerly, in `tf.function` and under XLA: what is collected are the traced tensors.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import keras

from porter.runtime.keras_internals import set_untracked, wraps_call
from porter.runtime.layers.places import sublayers
from porter.runtime.model.names import named_layers
from porter.runtime.model.recorded import switch_of
from porter.runtime.outputs.model_output import TFModelOutput
from porter.runtime.port_errors import WrongValue


@dataclass(frozen=True)
class OutputRecorder:
    """Which layers are recorded under one key of `_can_record_outputs`.

    A bare class stands for `OutputRecorder(it)` with index 0 for hidden states and 1 for everything else, a string
    for a `class_name`.

    Attributes:
        target_class: layers of this class are recorded.
        index: which item, where the layer returns a tuple.
        layer_name: only layers whose path contains this name, `"attention.self"`.
        class_name: also layers whose path ends with this.
        capture_initial_hidden_state: the first recorded layer's input comes before its output.
        num_hidden_layers_key: config attribute with the number of layers, for negative indices of hidden states.
    """

    target_class: type | None = None
    index: int = 0
    layer_name: str | None = None
    class_name: str | None = None
    capture_initial_hidden_state: bool = True
    num_hidden_layers_key: str = "num_hidden_layers"

    def matches(self, path: str, layer: keras.Layer) -> bool:
        """Whether a layer at PyTorch's `path` is recorded."""
        by_class = self.target_class is not None and isinstance(layer, self.target_class)
        by_path = self.class_name is not None and f".{path}".endswith(self.class_name)
        if not by_class and not by_path:
            return False
        return self.layer_name is None or f".{self.layer_name.strip('.')}." in f".{path}."


@dataclass
class _Collector:
    """What one call has collected so far."""

    collected: dict[str, list[Any]] = field(default_factory=dict)
    selected: frozenset[int] | None = None

    def record(self, key: str, recorder: OutputRecorder, first_input: Any, result: Any) -> None:
        if key not in self.collected:
            return
        value = result[recorder.index] if isinstance(result, tuple) else result
        if key == "hidden_states" and recorder.capture_initial_hidden_state and not self.collected[key]:
            self._append(key, first_input)
        if value is not None:
            self._append(key, value)

    def _append(self, key: str, value: Any) -> None:
        values = self.collected[key]
        wanted = key != "hidden_states" or self.selected is None or len(values) in self.selected
        values.append(value if wanted else None)


_active: ContextVar[_Collector | None] = ContextVar("porter_output_collector", default=None)


def select_hidden_states(selection: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Ask for some hidden states in a method that hands `output_hidden_states` on, unless the caller wants all.

    Args:
        selection: the name of the argument that holds their indices, or a function that gives them for the model;
            where it gives None, all come.
    """

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(method)

        @functools.wraps(method)
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(self, *args, **kwargs)
            if not bound.arguments.get("output_hidden_states"):
                given = {**_defaults(signature), **bound.arguments}
                chosen = given.get(selection) if isinstance(selection, str) else selection(self)
                chosen = [chosen] if isinstance(chosen, int) else chosen  # 0 is one, too
                bound.arguments["output_hidden_states"] = True if chosen is None else chosen
            return method(*bound.args, **bound.kwargs)

        return wrapper

    return decorate


def _defaults(signature: inspect.Signature) -> dict[str, Any]:
    return {name: each.default for name, each in signature.parameters.items() if each.default is not each.empty}


def capture_outputs(
    call: Callable[..., Any] | None = None, *, tie_last_hidden_states: bool = True
) -> Callable[..., Any]:
    """Put what the layers of `_can_record_outputs` yield into the output of the decorated `call`.

    `output_hidden_states` may also be an index or a list of indices: then the other hidden states are None.

    Args:
        call: the method.
        tie_last_hidden_states: the last hidden state is the output's `last_hidden_state`, after the final norm;
            `config.tie_last_hidden_states` overrides it.
    """
    if call is None:
        return functools.partial(capture_outputs, tie_last_hidden_states=tie_last_hidden_states)
    signature = inspect.signature(call)

    @wraps_call(call)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        arguments = _given(signature.bind(self, *args, **kwargs))
        recorders = recorders_of(type(self))
        collector = _collector(self, recorders, arguments)
        if collector.collected:
            _install(self)
        token = _active.set(collector)
        try:
            outputs = call(self, *args, **kwargs)
        finally:
            _active.reset(token)
        tie_last = getattr(self.config, "tie_last_hidden_states", None)
        return _injected(outputs, collector, tie_last_hidden_states if tie_last is None else tie_last)

    return wrapper


def recorders_of(model_class: type) -> dict[str, tuple[OutputRecorder, ...]]:
    """The recorders under each key of a class's `_can_record_outputs`."""
    declared: Mapping[str, Any] = getattr(model_class, "_can_record_outputs", None) or {}
    return {
        key: tuple(_recorder(key, item) for item in (items if isinstance(items, list | tuple) else [items]))
        for key, items in declared.items()
    }


def _recorder(key: str, declared: Any) -> OutputRecorder:
    if isinstance(declared, OutputRecorder):
        return declared
    index = 0 if "hidden_states" in key else 1
    if isinstance(declared, str):
        return OutputRecorder(index=index, class_name=declared)
    return OutputRecorder(declared, index=index)


def _given(bound: inspect.BoundArguments) -> dict[str, Any]:
    """The arguments by name, those among `**kwargs` too."""
    rest = (p.name for p in bound.signature.parameters.values() if p.kind is p.VAR_KEYWORD)
    return dict(bound.arguments) | {
        key: value for name in rest for key, value in bound.arguments.get(name, {}).items()
    }


def _collector(
    model: Any, recorders: Mapping[str, tuple[OutputRecorder, ...]], arguments: Mapping[str, Any]
) -> _Collector:
    def wanted(key: str) -> Any:
        switch = switch_of(key)
        value = arguments.get(switch)
        return getattr(model.config, switch, False) if value is None else value

    asked = {key: wanted(key) for key in recorders}
    collected: dict[str, list[Any]] = {key: [] for key, value in asked.items() if value}
    selected = None
    if "hidden_states" in collected and not isinstance(asked["hidden_states"], bool):
        selected = _indices(model, recorders["hidden_states"][0], asked["hidden_states"])
    return _Collector(collected, selected)


def _indices(model: Any, recorder: OutputRecorder, selection: int | list[int]) -> frozenset[int]:
    indices = [selection] if isinstance(selection, int) else list(selection)
    layers = getattr(model.config, recorder.num_hidden_layers_key, None)
    if layers is None:
        if any(index < 0 for index in indices):
            raise WrongValue(f"Hidden states {indices} need {recorder.num_hidden_layers_key} in the config.")
        return frozenset(indices)
    count = layers + int(recorder.capture_initial_hidden_state)
    return frozenset(index % count for index in indices if -count <= index < count)


def _install(model: keras.Layer) -> None:
    """Make the recorded layers below `model` report to the active collector. Models inside use their own recorders."""
    if getattr(model, "_reports_outputs", False):
        return
    inner: set[int] = set()
    recorders = recorders_of(type(model))
    for path, layer in named_layers(model):
        if layer is not model and (id(layer) in inner or hasattr(type(layer), "_can_record_outputs")):
            inner.update(id(child) for child in sublayers(layer))
            if id(layer) not in inner:
                _install(layer)
            continue
        for key, candidates in recorders.items():
            for recorder in candidates:
                if recorder.matches(path, layer):
                    _report(layer, key, recorder)
    set_untracked(model, "_reports_outputs", True)


def _report(layer: keras.Layer, key: str, recorder: OutputRecorder) -> None:
    call = layer.call

    @functools.wraps(call)
    def reporting(*args: Any, **kwargs: Any) -> Any:
        result = call(*args, **kwargs)
        collector = _active.get()
        if collector is not None:
            collector.record(key, recorder, args[0] if args else next(iter(kwargs.values()), None), result)
        return result

    set_untracked(layer, "call", reporting)


def _injected(outputs: TFModelOutput, collector: _Collector, tie_last: bool) -> TFModelOutput:
    for key, values in collector.collected.items():
        if key == "hidden_states" and tie_last and values and values[-1] is not None:
            for attribute in ("vision_hidden_states", "last_hidden_state"):
                if hasattr(outputs, attribute):
                    values[-1] = getattr(outputs, attribute)
                    break
        outputs[key] = tuple(values)
    return outputs
