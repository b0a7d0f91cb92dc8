"""The module under suspicion, ready to be called again with something changed."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from diffcheck.compare.align import align, compare_modules
from diffcheck.compare.metrics import Bound
from diffcheck.compare.weight_axes import Axes
from diffcheck.explain.first_statement import Located
from diffcheck.explain.watched_statements import Event, Statement, Watch
from diffcheck.record import tf_side
from diffcheck.record.recording import Structure
from diffcheck.record.sources import source_of
from diffcheck.record.values import Flattened, TensorValue


@dataclass(frozen=True)
class Suspect:
    """A module that is wrong by itself: both sides, the inputs for the layer, and what PyTorch computes from them.

    ``inside`` are layers below without a partner, whose code counts as the layer's own. ``statements`` may be wrong
    on the TensorFlow side: that of ``located`` or the one that raised, and those just before without a counterpart;
    ``elsewhere`` are the others that ran and are not proven right.
    ``parts`` are what modules inside PyTorch's put out, by name;
    ``parameters`` are PyTorch's own parameters of this module by the path of the variable that pairs with each;
    ``variables`` those variables; ``axes`` how their axes lie, by PyTorch's names, where that is known;
    ``other_values`` the whole PyTorch model's parameters.
    """

    torch_module: Any
    layer: Any
    inside: tuple[Any, ...]
    arguments: Mapping[str, object]
    expected: Flattened
    located: Located | None
    statements: tuple[Statement, ...]
    elsewhere: tuple[Statement, ...]
    parts: Mapping[str, TensorValue]
    parameters: Mapping[str, tuple[str, Any]]
    variables: Mapping[str, Any]
    axes: Mapping[str, Axes]
    other_values: Structure
    tolerance: float

    def output(self) -> Flattened | None:
        """What the layer computes alone, as it is now; None where it stops."""
        # A cache among the arguments changes with each call.
        arguments = {name: tf_side.copy_live(value) for name, value in self.arguments.items()}
        try:
            return tf_side.call_layer(self.layer, arguments)
        except Exception:  # noqa: BLE001 - an edit that does not run is not an explanation
            return None

    def events(self) -> list[Event]:
        """The assignments of the layer's own code in one run, until it ends or stops; none of a framework's layer."""
        watch = Watch((self.layer, *self.inside), source_of(type(self.layer))[0])
        with watch.running():
            self.output()
        return watch.events

    @functools.cached_property
    def sizes(self) -> list[int]:
        """Sizes of what the layer computes, those of the last axes first."""
        shapes = [tensor.array.shape for event in self.events() for tensor in event.value.tensors.values()]
        last = [size for shape in shapes for size in shape[-1:]]
        return [size for size in dict.fromkeys((*last, *itertools.chain(*shapes))) if size > 1]

    @functools.cached_property
    def compared(self) -> frozenset[str]:
        """Which of the expected tensors the layer puts out as it is: an edit may not lose any."""
        actual = self.output()
        if actual is None:  # one that stops may rightly put out less than PyTorch's module
            return frozenset(list(self.expected.tensors)[:1])
        return self._paths(actual)

    def _paths(self, actual: Flattened) -> frozenset[str]:
        return frozenset(path for path, _ in align(self.expected.tensors, actual.tensors))

    def error(self) -> float:
        """Relative difference of the layer alone, as it is now; infinite where it stops or puts out less."""
        actual = self.output()
        if actual is None or not self.compared <= self._paths(actual):
            return float("inf")
        return compare_modules(self.expected, actual, Bound()).relative

    def is_right_with(self, change: AbstractContextManager[Any] | None = None) -> bool:
        """Whether the difference is gone while ``change`` is in force."""
        assert self.compared is not None  # found before the change
        with change or nullcontext():
            return self.error() <= self.tolerance


@dataclass(frozen=True)
class Explanation:
    """The edit that repairs the module, in words, and what to edit: a statement, or an attribute's construction."""

    edit: str
    statement: Statement | None = None
    attribute: str = ""


@dataclass(frozen=True)
class Cause:
    """One kind of mistake. ``explain`` returns what repairs it, or None if it is not this.

    ``order`` says when it is tried: what a layer has wrong (1), what its code has (2), what its values show (3), and
    what is told without a proof when nothing else explains the difference (9).
    """

    name: str
    explain: Callable[[Suspect], str | Explanation | None]
    order: int
