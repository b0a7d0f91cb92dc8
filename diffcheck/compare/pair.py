"""Which TensorFlow layer is which PyTorch module: by path, by the parameters they own, by place in the tree."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from diffcheck.compare.weight_axes import Axes
from diffcheck.record.recording import Module, Parameter, Structure

NEVER_LOADED = "never loaded"
_CONTAINERS = ("ModuleList", "ModuleDict", "ParameterList")


@dataclass(frozen=True)
class Unpaired:
    """A module or parameter without a partner, and why."""

    side: str
    path: str
    reason: str


@dataclass(frozen=True)
class Pairing:
    """PyTorch path to TensorFlow path, for parameters and for modules, and what stayed alone.

    ``axes`` tells of PyTorch's parameters, as far as it is known, in which order their partners have the axes.
    """

    parameters: Mapping[str, str]
    modules: Mapping[str, str]
    unpaired: tuple[Unpaired, ...]
    axes: Mapping[str, Axes] = field(default_factory=dict)


def pair(reference: Structure, candidate: Structure, given: Mapping[str, str] | None = None) -> Pairing:
    """Pair the parameters, then the modules that own them.

    Parameters pair by path (one leading part of either side is a wrapper that the other lacks), then by
    their values, which identify a loaded weight up to transposition, then by shape and likeness of name.
    Modules pair by path, then by owning the same parameters, then by class and place under paired parents.
    ``given`` parameter pairs (PyTorch name to TensorFlow name) go before all of it.
    """
    prefixes = _prefixes(reference, candidate)
    parameters = _pair_parameters(reference.parameters, candidate.parameters, prefixes, given or {})
    modules = _pair_modules(reference, candidate, parameters, prefixes)
    return Pairing(parameters, modules, (*_left(reference, candidate, parameters, modules),))


def rebase(path: str, prefixes: tuple[str, str]) -> str | None:
    """A TensorFlow path as PyTorch has it: without the first prefix, with the second; None outside of it."""
    strip, add = prefixes
    if strip:
        if path == strip:
            return add
        if not path.startswith(f"{strip}."):
            return None
        path = path.removeprefix(f"{strip}.")
    return f"{add}.{path}" if add and path else add or path


def _prefixes(reference: Structure, candidate: Structure) -> tuple[str, str]:
    """The wrapper to strip from candidate paths and the one to add, that make most parameter paths equal."""
    wanted = {parameter.name for parameter in reference.parameters}
    options = [("", "")]
    options += [(prefix, "") for prefix in _wrappers(parameter.name for parameter in candidate.parameters)]
    options += [("", prefix) for prefix in _wrappers(wanted)]

    def hits(option: tuple[str, str]) -> int:
        return sum(rebase(parameter.name, option) in wanted for parameter in candidate.parameters)

    return max(options, key=hits)


def _wrappers(names: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}
    for name in names:
        parts = name.split(".")
        found.update(dict.fromkeys(".".join(parts[:depth]) for depth in (1, 2) if len(parts) > depth))
    return list(found)


def _pair_parameters(
    reference: Iterable[Parameter],
    candidate: Iterable[Parameter],
    prefixes: tuple[str, str],
    given: Mapping[str, str],
) -> dict[str, str]:
    left = {parameter.name: parameter for parameter in reference}
    right = {parameter.name: parameter for parameter in candidate}
    pairs = {name: other for name, other in given.items() if name in left and name in right | {other: None}}
    paths = {rebase(name, prefixes): name for name in right}

    def free() -> tuple[list[Parameter], list[Parameter]]:
        used = set(pairs.values())
        return [p for p in left.values() if p.name not in pairs], [p for p in right.values() if p.name not in used]

    for parameter in free()[0]:
        other = right.get(paths.get(parameter.name, ""))
        if other is not None and other.name not in set(pairs.values()) and _size(other) == _size(parameter):
            pairs[parameter.name] = other.name
    pairs.update(_by_group(*free(), key="value", anchors=pairs))
    pairs.update(_by_group(*free(), key="shape", anchors=pairs))
    return {name: pairs[name] for name in left if name in pairs}


def _by_group(left: list[Parameter], right: list[Parameter], key: str, anchors: Mapping[str, str]) -> dict[str, str]:
    """Pair within groups of equal value or shape; within a group, the likest names and places first."""

    def group(parameter: Parameter) -> object:
        return parameter.fingerprint if key == "value" else tuple(sorted(n for n in parameter.shape if n != 1))

    others: dict[object, list[Parameter]] = {}
    for parameter in right:
        others.setdefault(group(parameter), []).append(parameter)
    groups: dict[object, list[Parameter]] = {}
    for parameter in left:
        groups.setdefault(group(parameter), []).append(parameter)
    pairs: dict[str, str] = {}
    # Groups of one are certain: they come first and help to place the others.
    for value, members in sorted(groups.items(), key=lambda item: len(item[1])):
        candidates = others.get(value, [])
        if len(members) == len(candidates) == 1 and key == "value":
            pairs[members[0].name] = candidates[0].name
        elif candidates:
            pairs.update(_likest(members, candidates, {**anchors, **pairs}))
    return pairs


def _likest(members: list[Parameter], others: list[Parameter], anchors: Mapping[str, str]) -> dict[str, str]:
    owners = _owners(anchors)
    scored = [
        (_likeness(a.name, b.name, owners), -abs(i / len(members) - j / len(others)), a.name, b.name)
        for i, a in enumerate(members)
        for j, b in enumerate(others)
    ]
    pairs: dict[str, str] = {}
    used: set[str] = set()
    for _, _, name, other in sorted(scored, key=lambda score: score[:2], reverse=True):
        if name not in pairs and other not in used:
            pairs[name] = other
            used.add(other)
    return pairs


def _owners(anchors: Mapping[str, str]) -> dict[str, str]:
    """Ancestors of paired parameters, level by level from the leaf: candidate owner to reference owner."""
    owners: dict[str, str] = {}
    for name, other in anchors.items():
        left, right = name.rpartition(".")[0], other.rpartition(".")[0]
        while left and right and right not in owners:
            owners[right] = left
            left, right = left.rpartition(".")[0], right.rpartition(".")[0]
    return owners


def _likeness(name: str, other: str, owners: Mapping[str, str]) -> float:
    owner, _, leaf = other.rpartition(".")
    same_owner = 2.0 * (owners.get(owner) == name.rpartition(".")[0])
    numbers = [part for part in name.split(".") if part.isdigit()]
    same_numbers = 0.5 * (numbers == [part for part in other.split(".") if part.isdigit()])
    same_leaf = 0.5 * (leaf == name.rpartition(".")[2])
    return same_owner + same_numbers + same_leaf + difflib.SequenceMatcher(None, name, other, autojunk=False).ratio()


def _pair_modules(
    reference: Structure, candidate: Structure, parameters: Mapping[str, str], prefixes: tuple[str, str]
) -> dict[str, str]:
    left = {module.path: module for module in reference.modules}
    right = {module.path: module for module in candidate.modules}
    pairs: dict[str, str] = {"": ""}
    back = {other: name for name, other in parameters.items()}
    owned = {path: frozenset(back[n] for n in module.parameters if n in back) for path, module in right.items()}
    for path in right:
        name = rebase(path, prefixes)
        if name and name in left and _overlap(left[name], owned[path]):
            pairs.setdefault(name, path)
    _pair_owners(left, right, owned, pairs)
    _pair_children(left, right, pairs)
    return {path: pairs[path] for path in left if path in pairs}


def _overlap(module: Module, owned: frozenset[str]) -> bool:
    """Whether parameters allow the pair: they share one, or neither has any."""
    return bool(owned & set(module.parameters)) or not (owned or module.parameters)


def _pair_owners(
    left: Mapping[str, Module],
    right: Mapping[str, Module],
    owned: Mapping[str, frozenset[str]],
    pairs: dict[str, str],
) -> None:
    """Modules that own exactly the same parameters; several such on one branch pair by likeness, then by depth."""
    sets: dict[frozenset[str], list[str]] = {}
    for path in right:
        if owned[path] and path not in pairs.values():
            sets.setdefault(owned[path], []).append(path)
    waiting: dict[frozenset[str], list[str]] = {}
    known = frozenset(name for names in owned.values() for name in names)
    for path, module in left.items():
        names = frozenset(module.parameters) & known
        if names and path not in pairs:
            waiting.setdefault(names, []).append(path)
    for names, paths in waiting.items():
        others = sets.get(names, [])
        for path, other in _match_chain([left[p] for p in paths], [right[p] for p in others]):
            pairs[path] = other


def _match_chain(left: list[Module], right: list[Module]) -> Iterable[tuple[str, str]]:
    """Modules nested in each other: the likest pairs that keep the nesting."""
    if not left or not right:
        return []
    best: dict[tuple[int, int], tuple[float, list[tuple[str, str]]]] = {}

    def solve(i: int, j: int) -> tuple[float, list[tuple[str, str]]]:
        if i == len(left) or j == len(right):
            return 0.0, []
        if (i, j) not in best:
            score, rest = solve(i + 1, j + 1)
            both = (
                score + 0.2 + _same(left[i], right[j]) + 2.0 * (_is_owner(left[i]) == _is_owner(right[j])),
                [(left[i].path, right[j].path), *rest],
            )
            best[i, j] = max(both, solve(i + 1, j), solve(i, j + 1), key=lambda option: option[0])
        return best[i, j]

    return solve(0, 0)[1]


def _is_owner(module: Module) -> bool:
    """Whether a module owns parameters itself, not only through its children."""
    return any(name.rpartition(".")[0] == module.path for name in module.parameters)


def _same(module: Module, other: Module) -> float:
    """Likeness of two modules from 0 to 2: class names without TF, and last part of the path."""
    first, second = (name.lower().removeprefix("tf") for name in (module.class_name, other.class_name))
    names = difflib.SequenceMatcher(None, first, second, autojunk=False).ratio()
    leaves = (module.path.rpartition(".")[2], other.path.rpartition(".")[2])
    return names + difflib.SequenceMatcher(None, *leaves, autojunk=False).ratio()


def _pair_children(left: Mapping[str, Module], right: Mapping[str, Module], pairs: dict[str, str]) -> None:
    """Modules without parameters: under paired parents, by name, then by class and likeness."""
    used = set(pairs.values())
    for path, module in left.items():
        parent = path.rpartition(".")[0]
        if path in pairs or module.parameters or parent not in pairs:
            continue
        beside = [
            other
            for name, other in right.items()
            if name and name.rpartition(".")[0] == pairs[parent] and name not in used and not other.parameters
        ]
        best = max(beside, key=lambda other: _same(module, other), default=None)
        if best is not None and _same(module, best) > 1.2:
            pairs[path] = best.path
            used.add(best.path)


def _left(
    reference: Structure, candidate: Structure, parameters: Mapping[str, str], modules: Mapping[str, str]
) -> Iterable[Unpaired]:
    for parameter in reference.parameters:
        if parameter.name not in parameters:
            yield Unpaired(
                reference.framework, parameter.name, f"no parameter of shape {parameter.shape} is left for it"
            )
    loaded = set(parameters.values())
    for parameter in candidate.parameters:
        if parameter.name not in loaded:
            reason = f"{NEVER_LOADED}: {_why_not(reference, parameter.name)}"
            yield Unpaired(candidate.framework, parameter.name, reason)
    for module in reference.modules:
        if module.path not in modules and module.class_name not in _CONTAINERS:
            reason = "owns no parameter, and no layer of its name or class stands under its parent's partner"
            if module.parameters:
                reason = "no layer owns the same parameters"
            yield Unpaired(reference.framework, module.path, reason)


def _why_not(reference: Structure, name: str) -> str:
    """Why nothing was loaded into a variable: a file holds tied parameters of PyTorch under one of their names."""
    end = name.replace("/", ".").partition(":")[0].split(".")[-2:]
    twin = next((tied for tied in reference.tied if tied.split(".")[-2:] == end), None)
    if twin is None:
        return "no PyTorch parameter belongs to it"
    return f"its PyTorch twin {twin} is tied to {reference.tied[twin]}, which the checkpoint has"


def _size(parameter: Parameter) -> int:
    size = 1
    for dim in parameter.shape:
        size *= dim
    return size
