"""A file with a computation graph, whatever its format: nodes with the names of the modules that made them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]
ROOT = ""

_MEMBER = re.compile(r"_?\._?(\d+)")
_REPEATED = re.compile(r"(_\d+|@\d+)$")


class NotAnExport(ValueError):
    """The file is none, is cut short, or cannot be run; the sentence says which."""


class NotTrusted(NotAnExport):
    """The file would do more than compute, and nobody has said that it may."""


@dataclass(frozen=True)
class Node:
    """One operation. ``scope`` are the names around it, outermost first, or None where the exporter left none.

    ``source`` are the PyTorch lines it came from. A ``fused`` one does what were several, perhaps of several modules.
    """

    name: str
    operator: str
    scope: tuple[str, ...] | None
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    source: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    fused: bool = False


@dataclass(frozen=True)
class Port:
    """An input or output of the whole graph: its public name, its tensor, dtype, and sizes (None: any)."""

    name: str
    tensor: str
    dtype: str
    shape: tuple[int | None, ...] | None


class Graph(Protocol):
    """What can be done with a file: read its nodes (producers before consumers) and constants, and run parts of it."""

    label: str
    path: Path
    nodes: list[Node]
    inputs: list[Port]
    outputs: list[Port]

    def constants(self) -> Iterator[tuple[str, Array]]:
        """The weights and other constants by tensor name, one at a time."""

    def run(self, feeds: Mapping[str, Array], fetches: Sequence[str], double: bool = False) -> list[Array]:
        """The values of tensors, computed from those of others; with ``double`` every float is a float64.

        Raises:
            NotAnExport: it does not run.
        """

    def deployed(self, feeds: Mapping[str, Array]) -> list[Array]:
        """The outputs as an application gets them, with all optimisations of the runtime."""


@dataclass(frozen=True)
class GraphCall:
    """The nodes of one call of one module, and the tensors that enter and leave them.

    Those of ``shared`` are between a fused operation and another module, of whose work it may do a part: by each
    stands what such an operation reads beside it.
    """

    path: str
    number: int
    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shared: Mapping[str, frozenset[str]] = field(default_factory=dict)


def module_of(scope: Sequence[str], known: Collection[str]) -> str:
    """The deepest of the modules ``known`` that names around a node spell, wrappers before them left out.

    A frozen Keras graph appends ``_1`` to a name used before, and transformers 4 wrote ``layer_._0``.
    """
    for start in range(len(scope)):
        path = ROOT
        for part in scope[start:]:
            below = next((name for name in _spellings(path, part) if name in known), None)
            if below is None:
                break
            path = below
        if path:
            return path
    return ROOT


def _spellings(path: str, part: str) -> Iterator[str]:
    plain = _MEMBER.sub(r".\1", part)
    for name in (plain, _REPEATED.sub("", plain)):
        yield f"{path}.{name}" if path else name


def calls_of(graph: Graph, known: Collection[str]) -> list[GraphCall]:
    """The calls of every module that the graph's names tell of, in the order of their first nodes."""
    owners = _owners(graph, known)
    public = [port.tensor for port in graph.outputs]
    users: dict[str, list[int]] = {tensor: [len(owners)] for tensor in public}
    for number, node in enumerate(graph.nodes):
        for tensor in node.inputs:
            users.setdefault(tensor, []).append(number)
    moving = _moving_tensors(graph)
    members: dict[str, list[int]] = {}
    for number, owner in enumerate(owners):
        for path in _ancestors(owner):
            members.setdefault(path, []).append(number)
    found = [
        (part[0], _call(path, number, part, graph, users, moving))
        for path, inside in members.items()
        for number, part in enumerate(_separate_calls(inside, graph.nodes))
    ]
    whole = GraphCall(ROOT, 0, tuple(graph.nodes), tuple(port.tensor for port in graph.inputs), tuple(public))
    return [whole, *(call for _, call in sorted(found, key=lambda item: (item[0], item[1].path)) if call.outputs)]


def _owners(graph: Graph, known: Collection[str]) -> list[str]:
    """The module of each node. Exporters drop the names of some; those belong where the nodes around them do."""
    owners = [None if node.scope is None else module_of(node.scope, known) for node in graph.nodes]
    makers = {tensor: number for number, node in enumerate(graph.nodes) for tensor in node.outputs}
    links = [(makers[t], number) for number, node in enumerate(graph.nodes) for t in node.inputs if t in makers]
    edge = {port.tensor for port in (*graph.inputs, *graph.outputs)}
    beside: dict[int, list[int]] = {}
    for maker, number in links:
        beside.setdefault(maker, []).append(number)
        beside.setdefault(number, []).append(maker)
    found: list[str] = []
    for first, owner in enumerate(owners):
        if owner is not None:
            found.append(owner)
            continue
        group, waiting = {first}, [first]
        while waiting:
            more = [n for n in beside.get(waiting.pop(), ()) if owners[n] is None and n not in group]
            group.update(more)
            waiting += more
        around = [owners[n] for member in group for n in beside.get(member, ()) if n not in group]
        outer = any(edge.intersection((*graph.nodes[n].inputs, *graph.nodes[n].outputs)) for n in group)
        found.append(ROOT if outer else _common([path or ROOT for path in around], known))
    return found


def _common(paths: Sequence[str], known: Collection[str]) -> str:
    """The deepest module that holds all of these."""
    shared: list[str] = []
    for parts in zip(*(path.split(".") for path in paths), strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    while shared and ".".join(shared) not in known:
        shared.pop()
    return ".".join(shared)


def _ancestors(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition(".")[0]


def _moving_tensors(graph: Graph) -> set[str]:
    """Tensors that an input reaches; all others are constants."""
    moving = {port.tensor for port in graph.inputs}
    for node in graph.nodes:
        if moving.intersection(node.inputs):
            moving.update(node.outputs)
    return moving


def _separate_calls(inside: list[int], nodes: Sequence[Node]) -> list[list[int]]:
    """The nodes of a module by call: one that depends on an earlier call by way of nodes outside begins another."""
    own = set(inside)
    rounds: dict[str, tuple[int, bool]] = {}
    calls: dict[int, list[int]] = {}
    for number in range(inside[0], inside[-1] + 1):
        node = nodes[number]
        before = [rounds[tensor] for tensor in node.inputs if tensor in rounds]
        if number in own:
            turn = max((turn + left for turn, left in before), default=0)
            calls.setdefault(turn, []).append(number)
            rounds.update(dict.fromkeys(node.outputs, (turn, False)))
        elif before:
            rounds.update(dict.fromkeys(node.outputs, (max(turn for turn, _ in before), True)))
    return [calls[turn] for turn in sorted(calls)]


def _call(
    path: str, number: int, inside: list[int], graph: Graph, users: Mapping[str, list[int]], moving: Collection[str]
) -> GraphCall:
    own = set(inside)
    nodes = tuple(graph.nodes[index] for index in inside)
    made = dict.fromkeys(tensor for node in nodes for tensor in node.outputs)
    read = dict.fromkeys(tensor for node in nodes for tensor in node.inputs)
    leaving = tuple(tensor for tensor in made if tensor in moving and not own.issuperset(users.get(tensor, ())))
    entering = tuple(tensor for tensor in read if tensor in moving and tensor not in made)
    others = {
        tensor: [graph.nodes[n] for n in users[tensor] if n not in own and n < len(graph.nodes)] for tensor in leaving
    }
    readers = {tensor: [node for node in around if node.fused] for tensor, around in others.items()}
    readers |= {tensor: [node for node in nodes if node.fused and tensor in node.inputs] for tensor in entering}
    shared = {
        tensor: frozenset(other for node in fused for other in node.inputs if other and other != tensor)
        for tensor, fused in readers.items()
        if fused
    }
    return GraphCall(path, number, nodes, entering, leaving, shared)


def needed_for(nodes: Iterable[Node], feeds: Collection[str], fetches: Iterable[str]) -> list[Node]:
    """The nodes between some tensors and others, in order."""
    makers = {tensor: node for node in nodes for tensor in node.outputs}
    wanted, waiting = {}, list(fetches)
    while waiting:
        tensor = waiting.pop()
        node = makers.get(tensor)
        if tensor in feeds or node is None or id(node) in wanted:
            continue
        wanted[id(node)] = node
        waiting += node.inputs
    return [node for node in nodes if id(node) in wanted]
