"""Two models side by side, block by block: each TensorFlow block is also run alone, on PyTorch's own inputs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from typing import Any

from diffcheck.compare.align import compare_modules
from diffcheck.compare.metrics import Bound
from diffcheck.compare.outputs import Comparison
from diffcheck.judge.replay import arguments_for
from diffcheck.record.recording import bind, freeze
from diffcheck.record.tf_side import call_layer, with_call
from diffcheck.record.values import Flattened, flatten
from porter.runtime.model.names import placed_layers
from porter.weights.prove.lockstep import Abandoned, reach

# The trial that a run is about.
trial_of_run: ContextVar[str] = ContextVar("porter_trial_of_run", default="")


def choose_blocks(model: Any, limit: int) -> tuple[str, ...]:
    """Paths of the largest parts of a PyTorch model whose parameters take at most `limit` bytes.

    What has no parameters is not a block; a part that cannot be divided is one, whatever its size.
    """
    return tuple(_blocks("", model, limit))


def _blocks(path: str, module: Any, limit: int) -> Iterator[str]:
    from torch.nn import Module, ModuleDict, ModuleList

    children = [(f"{path}.{name}" if path else name, child) for name, child in module.named_children()]
    size = sum(parameter.nbytes for parameter in module.parameters())
    callable_itself = not isinstance(module, ModuleList | ModuleDict) and type(module).forward is not Module.forward
    if path and size and callable_itself and (size <= limit or not children):
        yield path
        return
    for name, child in children:
        yield from _blocks(name, child, limit)


@contextmanager
def stopping(model: Any, blocks: Sequence[str]) -> Iterator[None]:
    """Runs of the PyTorch model in lockstep wait before each block."""
    with ExitStack() as stack:
        for place, path in enumerate(blocks):
            hook = functools.partial(_reach, place)
            handle = model.get_submodule(path).register_forward_pre_hook(hook, prepend=True)
            stack.callback(handle.remove)
        yield


@contextmanager
def stopping_layers(model: Any, blocks: Sequence[str]) -> Iterator[None]:
    """Runs of the TensorFlow model in lockstep wait before each block."""
    layers = layers_by_name(model)
    with ExitStack() as stack:
        for place, path in enumerate(blocks):
            if path in layers:
                stack.enter_context(_around_call(layers[path], functools.partial(_reach_and_call, place)))
        yield


def layers_by_name(model: Any) -> dict[str, Any]:
    """The layers of a TensorFlow model by PyTorch's names."""
    layers: dict[str, Any] = {}
    for placed in placed_layers(model):
        layers.setdefault(placed.name, placed.layer)
    return layers


@contextmanager
def _around_call(layer: Any, around: Callable[..., Any]) -> Iterator[None]:
    """`around(call, *args, **kwargs)` takes the place of each call of the layer."""
    call: Callable[..., Any] = layer.call

    @functools.wraps(call)
    def watched(*args: object, **kwargs: object) -> Any:
        return around(call, *args, **kwargs)

    with with_call(layer, watched):
        yield


def _reach(place: int, *_: object) -> None:
    reach(place)


def _reach_and_call(place: int, call: Callable[..., Any], *args: object, **kwargs: object) -> Any:
    reach(place)
    return call(*args, **kwargs)


@dataclass(frozen=True)
class _Call:
    arguments: Mapping[str, object]
    output: Flattened


@dataclass
class BlockWatch:
    """What each block of the TensorFlow model makes of the inputs of PyTorch's.

    Attributes:
        blocks: paths of the blocks, by PyTorch's names.
        bound: what counts as different.
        worst: by block, the comparison that is furthest apart; the block was run alone if it is there.
        problems: why a block could not be run alone.
        given_up: trials that PyTorch does not run on, so that TensorFlow need not go on with them.
    """

    blocks: tuple[str, ...]
    bound: Bound
    worst: dict[str, Comparison] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)
    _calls: dict[tuple[str, str, int], _Call] = field(default_factory=dict)
    _counts: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _trials: dict[str, dict[str, None]] = field(default_factory=dict)

    @property
    def differing(self) -> dict[str, Comparison]:
        """The blocks beyond the bound, in the model's order."""
        return {path: self.worst[path] for path in self.blocks if path in self.worst and not self.worst[path].matches}

    @property
    def greatest(self) -> float | None:
        """The greatest difference of a block over its scale; None where none was compared or one has no number."""
        sizes = [comparison.relative for comparison in self.worst.values()]
        return max(sizes) if sizes and max(sizes) < float("inf") else None

    def sentences(self) -> list[str]:
        """The blocks that differ on PyTorch's own inputs, and those that could not be run on them."""
        lines = [f"{path}, alone on PyTorch's inputs: {found.sentence()}" for path, found in self.differing.items()]
        return [*lines, *(f"{path}: {problem}" for path, problem in self.problems.items())]

    @contextmanager
    def watching(self, torch_model: Any, tf_model: Any) -> Iterator[None]:
        """Keep what PyTorch's blocks get and give until TensorFlow's have been run on it."""
        layers = layers_by_name(tf_model)
        with ExitStack() as stack:
            stack.enter_context(stopping(torch_model, self.blocks))
            for place, path in enumerate(self.blocks):
                if path in layers:
                    self._watch_torch(path, torch_model.get_submodule(path), stack)
                    self._watch_tensorflow(place, path, layers[path], stack)
                else:
                    self.problems[path] = "there is no layer of this name"
            yield

    def _watch_torch(self, path: str, module: Any, stack: ExitStack) -> None:
        entered: dict[str, Mapping[str, object]] = {}

        def before(owner: Any, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
            named = bind(type(module).forward, (owner, *args), kwargs)
            named.pop(next(iter(named)))
            entered[trial_of_run.get()] = {name: freeze(value) for name, value in named.items()}

        def after(owner: Any, args: tuple[object, ...], kwargs: dict[str, object], output: object) -> None:
            trial = trial_of_run.get()
            self._trials.setdefault(path, {})[trial] = None
            self._calls[trial, path, self._count("pytorch", path)] = _Call(entered.pop(trial), flatten(output))

        stack.callback(module.register_forward_pre_hook(before, with_kwargs=True).remove)
        stack.callback(module.register_forward_hook(after, with_kwargs=True).remove)

    def _watch_tensorflow(self, place: int, path: str, layer: Any, stack: ExitStack) -> None:
        def watched(call: Callable[..., Any], *args: object, **kwargs: object) -> Any:
            trial = trial_of_run.get()
            if not trial:  # the layer is being run alone
                return call(*args, **kwargs)
            reach(place)
            if trial in self.given_up:
                raise Abandoned
            own = {name: freeze(value) for name, value in bind(call, args, kwargs).items()}
            output = call(*args, **kwargs)
            expected = self._calls.pop((trial, path, self._count("tensorflow", path)), None)
            if expected is None:
                self.problems[path] = "PyTorch calls it less often"
            elif self._is_doubtful(path, trial, expected.output, output):
                # In a context of its own, so that what collects hidden states does not collect these.
                Context().run(self._compare_alone, path, layer, own, expected)
            return output

        stack.enter_context(_around_call(layer, watched))

    def _is_doubtful(self, path: str, trial: str, expected: Flattened, output: object) -> bool:
        """Whether a block is to be run alone: for one trial, the second if there are two, and where outputs differ."""
        chosen = list(self._trials[path])[:2][-1]
        return trial == chosen or not compare_modules(expected, flatten(output), self.bound).matches

    def _count(self, framework: str, path: str) -> int:
        key = (framework, trial_of_run.get(), path)
        self._counts[key] = self._counts.get(key, -1) + 1
        return self._counts[key]

    def _compare_alone(self, path: str, layer: Any, own: Mapping[str, object], expected: _Call) -> None:
        try:
            accepted = inspect.signature(layer.call).parameters
            arguments = arguments_for(own, expected.arguments, accepted)
            found = compare_modules(expected.output, call_layer(layer, arguments.values), self.bound)
        except Exception as error:  # noqa: BLE001 - the code under test may raise anything, and that is the result
            self.problems[path] = f"alone it stopped with {type(error).__name__}: {str(error).partition(chr(10))[0]}"
            return
        if arguments.kept:
            self.problems[path] = f"alone it kept its own {', '.join(arguments.kept)}"
        known = self.worst.get(path)
        if known is None or (found.matches, -found.relative) < (known.matches, -known.relative):
            self.worst[path] = found
