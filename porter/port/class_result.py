"""What was proven of one class, as frozen values and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from porter.port.coverage import Coverage

LOADING = ("missing", "unexpected", "mismatched")


@dataclass(frozen=True)
class Side:
    """One way of running the port: whether it matches, by how much it differs, and what went wrong."""

    ok: bool
    max_abs: float | None = None
    message: str = ""

    def worse(self, other: Side) -> Side:
        """The side of the two that says more against the port."""
        if self.ok != other.ok:
            return other if self.ok else self
        return max(self, other, key=lambda side: float("inf") if side.max_abs is None else side.max_abs)


@dataclass(frozen=True)
class ClassResult:
    """What was proven of one class.

    Attributes:
        name: of the PyTorch class.
        eager, graph: how the port compares in both modes.
        weights: PyTorch's tensors that did not find their place, by what is wrong with them.
        noise: PyTorch's own rounding; None where it was not measured.
        comparable: whether PyTorch's numbers are the same each time.
        nothing: why the outputs of PyTorch prove nothing, such as that they are not finite; empty where they do.
        coverage: what of the port's code ran, and which arguments had a value.
        varied: the axes of the inputs that were unknown in the graph, as "input_ids 0, 1".
        needs: what stopped a graph in which further sizes were unknown, such as those of images; empty without one.
        guide: what is wrong with each point of transformers' guide, where they were asked for.
        trace: of a class that differs or stops, the module, the lines and the cause, as `porter diff` finds them.
    """

    name: str
    eager: Side
    graph: Side
    weights: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    noise: float | None = None
    comparable: bool = True
    nothing: tuple[str, ...] = ()
    coverage: Coverage = field(default_factory=Coverage)
    varied: tuple[str, ...] = ()
    needs: str = ""
    guide: Mapping[str, str] = field(default_factory=dict)
    trace: tuple[str, ...] = ()

    @property
    def matches(self) -> bool:
        """Whether eager mode, graph mode and weights all match."""
        return self.eager.ok and self.graph.ok and not any(self.weights.values())

    @property
    def ok(self) -> bool:
        """Whether the class is proven: it matches, on outputs that prove it, and each of its arguments had a value."""
        return self.matches and not self.nothing and not self.coverage.idle and not any(self.guide.values())

    def merge(self, other: ClassResult) -> ClassResult:
        """The result over both cases."""
        return replace(
            self,
            eager=self.eager.worse(other.eager),
            graph=self.graph.worse(other.graph),
            weights={kind: tuple(dict.fromkeys([*self.weights[kind], *other.weights[kind]])) for kind in LOADING},
            noise=max((n for n in (self.noise, other.noise) if n is not None), default=None),
            comparable=self.comparable and other.comparable,
            nothing=tuple(dict.fromkeys((*self.nothing, *other.nothing))),
            coverage=self.coverage.merge(other.coverage),
            varied=tuple(dict.fromkeys((*self.varied, *other.varied))),
            needs=self.needs or other.needs,
            guide={name: problem or other.guide.get(name, "") for name, problem in self.guide.items()},
            trace=self.trace or other.trace,
        )

    def to_json(self) -> dict[str, object]:
        """As in the report."""
        return {
            "name": self.name,
            "ok": self.ok,
            "eager": vars(self.eager),
            "graph": vars(self.graph),
            "weights": {kind: list(self.weights.get(kind, ())) for kind in LOADING},
            "noise": self.noise,
            "comparable": self.comparable,
            "proves_nothing": list(self.nothing),
            "coverage": self.coverage.to_json(),
            "unknown_in_graph": list(self.varied),
            "known_in_graph_because": self.needs,
            **({"guide": dict(self.guide)} if self.guide else {}),
            "trace": list(self.trace),
        }
