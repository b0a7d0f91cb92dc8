"""Inside the module of a file that is wrong by itself: the operation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from diffcheck.explain.culprit import construction_of, place_of
from diffcheck.explain.first_statement import agree
from diffcheck.explain.watched_statements import Event, Statement, Watch
from diffcheck.exported.graph import Array, Node, NotAnExport, needed_for
from diffcheck.exported.matching import Matched
from diffcheck.record import torch_side
from diffcheck.record.sources import source_of
from diffcheck.record.values import PYTHON, Flattened, TensorValue
from diffcheck.show.report import ModuleResult, Origin, Place

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')

FEW = 4
"""Operations of a module of a library, such as a dense layer, that are shown together."""
Run = Callable[[list[str]], Mapping[str, Array]]
"""Computes tensors of the file from PyTorch's inputs of the module."""


@dataclass(frozen=True)
class Wrong:
    """The first operation whose result PyTorch never had, and PyTorch's first statement that the file never had."""

    node: Node
    event: Event | None
    inputs: tuple[str, ...]

    def sentence(self) -> str:
        """What is known of what goes in."""
        known = f"What goes in is equal: {', '.join(self.inputs)}. " if self.inputs else ""
        return f"{known}Its result is the first that is not a variable of PyTorch's."


def explain(model: object, found: ModuleResult, item: Matched, file: str, run: Run, tolerance: float) -> Origin:
    """The origin with the operation that is wrong, and the line of PyTorch that it belongs to.

    Both models are in float64 already if ``found`` was confirmed in it.
    """
    double = found.float64 is not None and found.float64.double is not None
    wrong = _locate(model, item, file, run, (double, tolerance))
    node = wrong.node if wrong else item.call.nodes[0] if len(item.call.nodes) == 1 else None
    few = (node,) if node else item.call.nodes if len(item.call.nodes) <= FEW else ()
    where = Place(file, 0, "; ".join(map(describe, few)))
    statement = wrong.sentence() if wrong and len(item.call.nodes) > 1 else ""
    torch = _torch_place(model, found, node, wrong.event if wrong else None)
    return Origin(found.path, torch, where, statement=statement)


def _locate(model: object, item: Matched, file: str, run: Run, mode: tuple[bool, float]) -> Wrong | None:
    double, tolerance = mode
    module = model.get_submodule(item.reference.path)  # type: ignore[attr-defined]
    watch = Watch((module,), source_of(type(module))[0])
    if not watch.file:
        return None
    with watch.running():
        torch_side.replay(model, item.reference, double)
    moving = [tensor for node in item.call.nodes for tensor in node.outputs]
    try:
        values = run(moving)
    except NotAnExport:
        return None
    events = {
        tensor: _event(node, tensor, values[tensor], file) for node in item.call.nodes for tensor in node.outputs
    }
    return first_unproven(watch.events, item, events, tolerance)


def first_unproven(
    reference: Sequence[Event], item: Matched, events: Mapping[str, Event], tolerance: float
) -> Wrong | None:
    """The first node whose result agrees with nothing in PyTorch and on which nothing that agrees depends."""
    partners: dict[str, int] = {}
    for tensor, event in events.items():
        number = next((i for i, mine in enumerate(reference) if agree(mine, event, tolerance)), None)
        if number is not None:
            partners[tensor] = number
    proven = {tensor for node in needed_for(item.call.nodes, item.call.inputs, partners) for tensor in node.outputs}
    for node in item.call.nodes:
        if proven.isdisjoint(node.outputs) and (set(node.inputs) & (proven | set(item.call.inputs))):
            before = needed_for(item.call.nodes, item.call.inputs, node.inputs)
            last = max((partners[t] for part in before for t in part.outputs if t in partners), default=-1)
            taken = set(partners.values())
            after = (event for number, event in enumerate(reference) if number > last and number not in taken)
            inputs = tuple(t for t in node.inputs if t in proven or t in item.call.inputs)
            return Wrong(node, next((event for event in after if _is_float(event)), None), inputs)
    return None


def _is_float(event: Event) -> bool:
    return any(tensor.dtype != PYTHON and tensor.array.dtype.kind == "f" for tensor in event.value.tensors.values())


def _event(node: Node, tensor: str, array: Array, file: str) -> Event:
    statement = Statement(file, 0, 0, describe(node), (tensor,), node.inputs)
    return Event(tensor, Flattened({"": TensorValue(array, array.dtype.name)}), statement, "")


def describe(node: Node) -> str:
    """A node as an assignment."""
    arguments = [*node.inputs, *(f"{name}={value}" for name, value in node.attributes.items())]
    return f"{', '.join(node.outputs)} = {node.operator}({', '.join(arguments)})"


def _torch_place(model: object, found: ModuleResult, node: Node | None, event: Event | None) -> Place | None:
    """Where the exporter says that the node comes from, else the statement, else where the module is made."""
    home = found.torch.file if found.torch else ""
    frames = [match for match in _FRAME.finditer(node.source if node else "") if match["file"] == home]
    if frames:
        return place_of(home, int(frames[-1]["line"]))
    if event is not None:
        return Place(event.statement.file, event.statement.line, event.statement.text)
    return construction_of(model, found.path) or found.torch
