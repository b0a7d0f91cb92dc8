"""What was seen at one place. Merging keeps what agrees.

A dimension that differs between two runs becomes None, an int that differs loses its value, None beside a tensor
makes it optional.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Constant = bool | int | float | str | None
Json = Mapping[str, object]
Entry = TypeVar("Entry")
SEQUENCES = frozenset({"tuple", "list", "shape", "slice"})
NAMED = frozenset({"dict", "output"})
NONE = frozenset({"none"})


@dataclass(frozen=True)
class Fact:
    """All values seen at one place.

    kinds: tensor int float bool str none tuple list dict shape (torch.Size) module (torch.nn.Module) class
        function dtype device slice config cache output other.
    names: canonical names of callables and classes, and of the class of a module or other object.
    rank, dtype, dims: of the tensors, of numpy's arrays rank and dtype; None = unknown, or differing between runs.
    value: the constant, valid only where `has_value` (a dtype's value is "float32", a device's "cpu").
    items: elements of a tuple, list, shape or slice (start, stop, step) whose length agrees.
    entries: values of a dict or model output by key, as sorted pairs; the union of all keys seen.
    """

    kinds: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    rank: int | None = None
    dtype: str | None = None
    dims: tuple[int | None, ...] | None = None
    has_value: bool = False
    value: Constant = None
    items: tuple[Fact, ...] | None = None
    entries: tuple[tuple[str, Fact], ...] | None = None

    @classmethod
    def constant(cls, value: Constant) -> Fact:
        """The fact of a python constant."""
        kind = "none" if value is None else type(value).__name__
        return cls(kinds=frozenset({kind}), has_value=True, value=value)

    @classmethod
    def sequence(cls, items: Sequence[Fact | None], kind: str = "tuple") -> Fact:
        """The fact of a tuple (or list, shape, slice) of these elements; None is an element never seen."""
        return cls(kinds=frozenset({kind}), items=tuple(item or UNSEEN for item in items))

    @property
    def optional(self) -> bool:
        """Whether None was seen beside other values."""
        return "none" in self.kinds and len(self.kinds) > 1

    @property
    def is_none(self) -> bool:
        """Whether only None was seen."""
        return self.kinds == NONE

    @property
    def is_tensor(self) -> bool:
        """Whether only tensors were seen, None aside."""
        return self.only("tensor")

    @property
    def has_several_dtypes(self) -> bool:
        """Whether tensors were seen whose dtypes differed: a mask of integers in one run, of floats in another."""
        return self.is_tensor and self.dtype is None and self.rank is not None

    @property
    def is_array(self) -> bool:
        """Whether something with a rank was seen: a tensor, a shape, or an array of numpy."""
        return bool(self.kinds & {"tensor", "shape"}) or "numpy.ndarray" in self.names

    def only(self, *kinds: str) -> bool:
        """Whether only values of these kinds were seen, None aside."""
        seen = self.kinds - NONE
        return bool(seen) and seen <= set(kinds)

    def merge(self, other: Fact) -> Fact:
        """The fact of the values of both: what agrees stays."""
        if self == other or other == UNSEEN:
            return self
        if self == UNSEEN:
            return other
        kinds = self.kinds | other.kinds
        rank, dtype, dims = _merge_tensors([fact for fact in (self, other) if fact.is_array])
        has_value = _same_value(self, other)
        return Fact(
            kinds=kinds,
            names=self.names | other.names,
            rank=rank,
            dtype=dtype,
            dims=dims,
            has_value=has_value,
            value=self.value if has_value else None,
            items=_merge_items([fact.items for fact in (self, other) if fact.kinds & SEQUENCES]),
            entries=_merge_entries([fact.entries for fact in (self, other) if fact.kinds & NAMED]),
        )

    def to_json(self) -> Json:
        """Only the fields that say something."""
        data: dict[str, object] = {"kinds": sorted(self.kinds)}
        if self.names:
            data["names"] = sorted(self.names)
        data |= {key: value for key in ("rank", "dtype", "dims") if (value := getattr(self, key)) is not None}
        if self.has_value:
            data["value"] = self.value
        if self.items is not None:
            data["items"] = [item.to_json() for item in self.items]
        if self.entries is not None:
            data["entries"] = {key: entry.to_json() for key, entry in self.entries}
        return data

    @classmethod
    def from_json(cls, data: Json) -> Fact:
        """The inverse of `to_json`."""
        given: dict[str, object] = dict(data)
        items, entries, dims = given.pop("items", None), given.pop("entries", None), given.pop("dims", None)
        return cls(
            kinds=frozenset(_strings(given.pop("kinds", ()))),
            names=frozenset(_strings(given.pop("names", ()))),
            dims=tuple(dims) if isinstance(dims, list | tuple) else None,
            has_value="value" in given,
            items=tuple(cls.from_json(item) for item in items) if isinstance(items, list) else None,
            entries=tuple((k, cls.from_json(v)) for k, v in entries.items()) if isinstance(entries, dict) else None,
            **given,  # type: ignore[arg-type]  # rank, dtype and value, as they were written
        )


UNSEEN = Fact()


def _same_value(left: Fact, right: Fact) -> bool:
    """True == 1 in python, but they are two values here; both kinds must be one and the same."""
    return left.has_value and right.has_value and left.kinds == right.kinds and left.value == right.value


def _merge_tensors(facts: Sequence[Fact]) -> tuple[int | None, str | None, tuple[int | None, ...] | None]:
    rank = _agreed(fact.rank for fact in facts)
    return rank, _agreed(fact.dtype for fact in facts), _merge_dims([fact.dims for fact in facts])


def _merge_dims(shapes: Sequence[tuple[int | None, ...] | None]) -> tuple[int | None, ...] | None:
    known = [shape for shape in shapes if shape is not None]
    if not known or len(known) < len(shapes) or len({len(shape) for shape in known}) > 1:
        return None
    return tuple(_agreed(sizes) for sizes in zip(*known, strict=True))


def _merge_items(sides: Sequence[tuple[Fact, ...] | None]) -> tuple[Fact, ...] | None:
    known = [items for items in sides if items is not None]
    if not known or len(known) < len(sides) or len({len(items) for items in known}) > 1:
        return None
    if len(known) == 1:
        return known[0]
    return tuple(left.merge(right) for left, right in zip(*known, strict=True))


def _merge_entries(sides: Sequence[tuple[tuple[str, Fact], ...] | None]) -> tuple[tuple[str, Fact], ...] | None:
    merged: dict[str, Fact] = {}
    if not sides or None in sides:
        return None
    for entries in sides:
        for key, fact in entries or ():
            merged[key] = merged.get(key, UNSEEN).merge(fact)
    return tuple(sorted(merged.items()))


def _agreed(values: Iterable[Entry]) -> Entry | None:
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None


def _strings(values: object) -> list[str]:
    return [str(value) for value in values] if isinstance(values, list | tuple) else []
