"""Which stored tensor goes to which variable: decided from names and shapes alone, before anything moves."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from porter.runtime.stored.layouts import Layout
from porter.runtime.stored.tensor_source import TensorInfo

# How PyTorch itself spelled parameters before; a checkpoint may be older than the model.
FORMER_NAMES = (
    (re.compile(r"(^|\.)gamma$"), r"\1weight"),
    (re.compile(r"(^|\.)beta$"), r"\1bias"),
    (re.compile(r"(^|\.)weight_g$"), r"\1parametrizations.weight.original0"),
    (re.compile(r"(^|\.)weight_v$"), r"\1parametrizations.weight.original1"),
)


@dataclass(frozen=True)
class Scope:
    """The part of a model that a declaration is about.

    Attributes:
        path: where it stands in the model, "" for the whole of it.
        prefix: the base model's attribute, which a file's names may have before the path or lack.
    """

    path: str = ""
    prefix: str = ""

    def place(self, name: str) -> str | None:
        """The beginning of `name` that says where the part stands; None if the name is of another part."""
        if not self.path:
            return ""
        prefix = f"{self.prefix}." if self.prefix else ""
        inner = f"{self.path}.".removeprefix(prefix)
        return next((place for place in (prefix + inner, inner) if name.startswith(place)), None)


@dataclass(frozen=True)
class Rename:
    """What transformers' checkpoints call a part of a model otherwise than its code does.

    Attributes:
        scope: the part.
        pattern: regular expression over the name below the part; see `whole_words`.
        replacement: what the first match becomes.
    """

    scope: Scope
    pattern: str
    replacement: str

    def __call__(self, name: str) -> str:
        """The name in the model's words."""
        place = self.scope.place(name)
        if place is None:
            return name
        return place + re.sub(whole_words(self.pattern), self.replacement, name.removeprefix(place), count=1)


def whole_words(pattern: str, star: str = ".*") -> str:
    """A pattern as transformers reads it: `*` is a part of a name, and a word at the end is a whole one."""
    expression = pattern.replace("*.", rf"{star}\.")
    return expression + r"(?!\w)" if re.search(r"[a-zA-Z0-9]$", pattern) else expression


@dataclass(frozen=True)
class Target:
    """The TensorFlow variable that holds one PyTorch parameter; `path` is where it stands below its model."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    layout: Layout


@dataclass(frozen=True)
class Move:
    """The stored tensor `source` is to become the variable `target`, which PyTorch calls `name`."""

    source: str
    name: str
    target: Target


@dataclass(frozen=True)
class Mismatch:
    """A stored tensor whose shape does not fit; both shapes are written with PyTorch's axes."""

    source: str
    name: str
    found: tuple[int, ...]
    wanted: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} has shape {list(self.found)} in the checkpoint and {list(self.wanted)} in the model"


@dataclass(frozen=True)
class Pairing:
    """Everything that a checkpoint and a model have for each other.

    `duplicates` are stored tensors, as (tied, owner), that the model holds only once: they must be equal.
    `absent` tells, for missing ones that are made of several stored tensors, which of those are not there.
    """

    moves: tuple[Move, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: tuple[Mismatch, ...]
    duplicates: tuple[tuple[str, str], ...] = ()
    absent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether every variable has its tensor."""
        return not self.missing and not self.mismatched


def pair(
    tensors: Mapping[str, TensorInfo],
    targets: Mapping[str, Target],
    prefix: str,
    tied: Mapping[str, str],
    renames: Sequence[Rename] = (),
    current: Collection[str] = (),
) -> Pairing:
    """Pair the stored `tensors` with the variables `targets`, both under PyTorch's names.

    Args:
        prefix: the base model's attribute; files of a base model lack it, files of a model with a head have it.
        tied: name of a tied parameter -> name of the one that owns the numbers; a file may hold either or both.
        renames: from the checkpoints' names to the model's, all applied in turn.
        current: tensors that have the model's names already.
    """
    names = {name if name in current else current_name(name, targets, renames): name for name in tensors}
    stored = _stored(names, {*targets, *tied}, prefix)
    aliases = {name: [name, *(other for other, owner in tied.items() if owner == name)] for name in targets}
    moves, missing, mismatched, used = [], [], [], dict[str, str]()
    for name, target in targets.items():
        found = [stored[alias] for alias in aliases[name] if alias in stored]
        if not found:
            missing.append(name)
            continue
        used |= dict.fromkeys(found, found[0])
        wanted = target.layout.torch_shape(target.shape)
        if tensors[found[0]].shape == wanted:
            moves.append(Move(found[0], name, target))
        else:
            mismatched.append(Mismatch(found[0], name, tensors[found[0]].shape, wanted))
    unexpected = tuple(sorted(set(tensors) - set(used)))
    duplicates = tuple((source, owner) for source, owner in used.items() if source != owner)
    return Pairing(tuple(moves), tuple(missing), unexpected, tuple(mismatched), duplicates)


def current_name(name: str, targets: Mapping[str, Target], renames: Sequence[Rename] = ()) -> str:
    """`name` as PyTorch spells it today; a name that the model has is never changed."""
    if name in targets:
        return name
    name = rename_all(name, renames)
    if name in targets:
        return name
    for pattern, replacement in FORMER_NAMES:
        today, count = pattern.subn(replacement, name)
        if count:
            return today
    return name


def rename_all(name: str, renames: Sequence[Rename]) -> str:
    """`name` after all renames in turn."""
    for rename in renames:
        name = rename(name)
    return name


def own_name(name: str, known: Collection[str], prefix: str) -> str | None:
    """How a model spells `name`: as it is, without the base model's prefix or with it; None if it has no such name."""
    spellings = (name, name.removeprefix(f"{prefix}."), f"{prefix}.{name}") if prefix else (name,)
    return next((spelling for spelling in spellings if spelling in known), None)


def _stored(names: Mapping[str, str], known: Collection[str], prefix: str) -> dict[str, str]:
    """The model's names of tensors, from their `names` in the model's words to the file's; the exact one counts."""
    owned = {own: name for current, name in names.items() if (own := own_name(current, known, prefix)) is not None}
    return owned | {current: name for current, name in names.items() if current in known}


def problems(pairing: Pairing) -> Iterator[str]:
    """One sentence for each variable without its tensor."""
    for name in pairing.missing:
        parts = pairing.absent.get(name)
        lacking = f", which lacks its {', '.join(parts)}" if parts else ""
        yield f"{name} is missing from the checkpoint{lacking}"
    yield from map(str, pairing.mismatched)
