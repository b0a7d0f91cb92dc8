"""Checkpoints that hold tensors in another form than the model: each expert's alone, queries, keys and values as one.

A generated class declares what transformers knows of its checkpoints as plain data:

    _checkpoint_conversions = [
        {"from": ["mlp.experts.*.down_proj.weight"], "to": ["mlp.experts.down_proj"], "by": [("merge", 0)]},
    ]

Names are regular expressions below the class's place in the model; `*` stands for a number.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from porter.runtime.stored.operations import OPERATIONS, Merge, Operation, Step
from porter.runtime.stored.pairing import Scope, own_name, whole_words
from porter.runtime.stored.stored_expressions import Expression, Stored
from porter.runtime.stored.tensor_source import TensorInfo


@dataclass(frozen=True)
class Match:
    """A stored tensor that belongs to a conversion.

    Attributes:
        before, after: what stands around the pattern in the name; the same for all tensors of one group.
        pattern: the one that was found.
        item: the number at its `*`; None without one.
        targets: the full names of the targets.
    """

    before: str
    after: str
    pattern: str
    item: int | None
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Conversion:
    """One declared conversion.

    Attributes:
        scope: the declaring model.
        sources: patterns of stored names.
        targets: what a match becomes; several where one tensor gives several.
        operations: carried out in turn.
    """

    scope: Scope
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    operations: tuple[Operation, ...]

    @classmethod
    def declared(cls, scope: Scope, entry: Mapping[str, Any]) -> Conversion:
        """From the data of a generated class.

        Raises:
            KeyError: this version does not know the operation.
        """
        operations = tuple(OPERATIONS[name](*arguments) for name, *arguments in entry["by"])
        return cls(scope, tuple(entry["from"]), tuple(entry["to"]), operations)

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        by_length = sorted(enumerate(self.sources), key=lambda entry: -len(entry[1]))
        branches = (f"(?P<p{index}>{whole_words(source, f'(?P<n{index}>.*)')})" for index, source in by_length)
        return re.compile("|".join(branches))

    def match(self, name: str) -> Match | None:
        """How the tensor belongs here; None if it does not."""
        place = self.scope.place(name)
        if place is None:
            return None
        below = name.removeprefix(place)
        found = self._expression.search(below)
        if found is None:
            return None
        index = next(i for i in range(len(self.sources)) if found[f"p{i}"] is not None)
        item = found.groupdict().get(f"n{index}")
        before, after = place + below[: found.start()], below[found.end() :]
        at = found.re.groupindex[f"p{index}"] + 1
        inner = found[at] if at <= found.re.groups else None
        targets = tuple(before + target.replace(r"\1", inner or "") + after for target in self.targets)
        number = int(item) if item is not None and item.isdigit() else None
        return Match(before, after, self.sources[index], number, targets)


@dataclass
class Gathered:
    """The tensors of one group: of one conversion and one place in the model."""

    conversion: Conversion
    first: Match
    found: dict[str, dict[int | str, Stored]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, match: Match, tensor: Stored) -> None:
        """One more of them, in the natural order of names."""
        self.found[match.pattern][tensor.name if match.item is None else match.item] = tensor

    def gaps(self, shape: tuple[int, ...] | None) -> list[str]:
        """Names of numbered tensors that should be there: by the highest number, or by the model's shape."""
        numbered = [source for source in self.conversion.sources if "*." in source]
        numbers = {number for source in numbered for number in self.found[source] if isinstance(number, int)}
        operation = self.conversion.operations[0]
        count = shape[operation.axis] if isinstance(operation, Merge) and shape and operation.axis < len(shape) else 0
        wanted = range(max([count, *(number + 1 for number in numbers)]))
        return [self._name(source, item) for source in numbered for item in wanted if item not in self.found[source]]

    def unseen(self) -> list[str]:
        """Names of sources without a number of which there is none."""
        return [
            self._name(source) for source in self.conversion.sources if "*." not in source and not self.found[source]
        ]

    def _name(self, source: str, item: int | str = "") -> str:
        name = source.replace("\\", "").removeprefix("^").replace("*", str(item))
        return self.first.before + name + self.first.after

    def converted(self, wanted: Mapping[str, tuple[int, ...]], config: Any) -> dict[str, Expression]:
        """The targets by full name.

        Raises:
            CheckpointError: the tensors do not fit together.
        """
        conversion, names = self.conversion, dict(zip(self.conversion.targets, self.first.targets, strict=True))
        shapes = {target: wanted[name] for target, name in names.items() if name in wanted}
        step = Step(conversion.sources, conversion.targets, shapes, config)
        group: Mapping[str, Sequence[Expression]] = {
            source: list(self.found[source].values()) for source in conversion.sources if self.found[source]
        }
        for operation in conversion.operations:
            group = operation(group, step)
        if len(names) == 1:
            group = dict(zip(conversion.targets, group.values(), strict=True))
        return {names[target]: tensors[0] for target, tensors in group.items()}


@dataclass(frozen=True)
class ModelShapes:
    """What conversions must know of the model.

    Attributes:
        shapes: PyTorch's shape of every weight, by PyTorch's name.
        prefix: the base model's attribute, which a file's names may have or lack.
        config: the configuration.
    """

    shapes: Mapping[str, tuple[int, ...]]
    prefix: str
    config: Any

    def own_name(self, name: str) -> str | None:
        """What the model calls it; None if it has no such weight."""
        return own_name(name, self.shapes, self.prefix)

    def shape(self, name: str) -> tuple[int, ...] | None:
        """The shape that it has in the model."""
        own = self.own_name(name)
        return None if own is None else self.shapes[own]


@dataclass
class Forms:
    """What conversions make of a checkpoint.

    Attributes:
        made: the targets, under the names that go with the file's: the base model's prefix is there or not.
        absent: weights of the model that cannot be made, and the stored tensors that they lack.
    """

    made: dict[str, Expression] = field(default_factory=dict)
    absent: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, group: Gathered, model: ModelShapes) -> None:
        """Convert a group, or say what it lacks."""
        targets = group.first.targets
        gaps = group.gaps(model.shape(targets[0]))
        if gaps:
            self._lack(targets, gaps, model)
            return
        wanted = {name: shape for name in targets if (shape := model.shape(name)) is not None}
        converted = group.converted(wanted, model.config)
        fits = all(each.shape == wanted.get(name) for name, each in converted.items())
        if not fits and group.unseen():
            self._lack(targets, group.unseen(), model)
        else:
            self.made |= converted

    def _lack(self, targets: Sequence[str], parts: Sequence[str], model: ModelShapes) -> None:
        self.absent |= {model.own_name(target) or target: tuple(parts) for target in targets}


def forms(
    stored: Mapping[str, TensorInfo],
    model: ModelShapes,
    rename: Callable[[str], str],
    conversions: Sequence[Conversion],
) -> Forms:
    """The tensors in the form that the model has them; of the conversions, the first that matches a tensor takes it.

    Args:
        stored: the checkpoint's tensors.
        model: what they are for.
        rename: from the checkpoint's names to the model's, before any conversion.
        conversions: what the model and the models inside it declare.

    Raises:
        CheckpointError: the tensors of a conversion do not fit together.
    """
    found = Forms()
    for group in _gathered(stored, model, rename, conversions):
        found.add(group, model)
    return found


def _gathered(
    tensors: Mapping[str, TensorInfo],
    model: ModelShapes,
    rename: Callable[[str], str],
    conversions: Sequence[Conversion],
) -> Iterator[Gathered]:
    """The groups whose target the model has; a target that the file holds itself needs none."""
    groups: dict[tuple[int, str], Gathered] = {}
    for name in sorted(tensors, key=natural):
        current = rename(name)
        matches = ((index, match) for index, each in enumerate(conversions) if (match := each.match(current)))
        index, match = next(matches, (0, None))
        if match is None or model.own_name(match.targets[0]) is None:
            continue
        info = tensors[name]
        group = groups.setdefault((index, match.targets[0]), Gathered(conversions[index], match))
        group.add(match, Stored(info.shape, info.dtype, name))
    for group in groups.values():
        parts = {part.name for found in group.found.values() for part in found.values()}
        if not any(target in tensors and target not in parts for target in group.first.targets):
            yield group


def natural(name: str) -> list[int | str]:
    """What names are sorted by so that 2 comes before 10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
