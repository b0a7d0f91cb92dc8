"""The first statement after which a variable differs, on both sides."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeGuard

import numpy as np

from diffcheck.compare.align import align, to_repeated
from diffcheck.compare.metrics import Bound, TensorResult, compare_tensors, scale_of
from diffcheck.explain.watched_statements import RETURN, Event
from diffcheck.record.values import PYTHON, Flattened, TensorValue

NEAR = 0.1
"""Relative difference up to which values of other names are taken for the same variable, one of them wrong."""


@dataclass(frozen=True)
class Located:
    """The first differing pair of assignments, how it differs, and which of the inputs were still equal.

    ``skipped`` are PyTorch's assignments just before, ``others`` TensorFlow's, that have no counterpart. ``went_in``
    are TensorFlow's variables that the statement reads.
    """

    torch: Event
    tf: Event
    result: TensorResult
    equal_inputs: tuple[str, ...]
    skipped: tuple[Event, ...] = ()
    others: tuple[Event, ...] = ()
    went_in: tuple[Event, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether a plain Python number differs, not a tensor."""
        return _is_number(self.tf)

    def sentence(self) -> str:
        """What differs after the statement, and what went in."""
        name = "the returned value" if self.tf.name == RETURN else self.tf.name
        words = self.result.sentence().replace(f"{self.result.path or 'its output'} differs", f"{name} differs", 1)
        inputs = f" What went in is equal: {', '.join(self.equal_inputs)}." if self.equal_inputs else ""
        missing = ""
        if self.skipped:
            first = self.skipped[0].statement
            missing = f" Before it PyTorch ran line {first.line} ({first.text.strip()}), without a counterpart."
        return words + inputs + missing


def first_difference(reference: Sequence[Event], candidate: Sequence[Event], tolerance: float) -> Located | None:
    """Align the assignments of both sides by name, order and value, and find the first pair that differs.

    ``tolerance`` is relative to the greatest number of each tensor.
    """
    equal: set[str] = set()
    numbers: dict[str, Located] = {}
    last, last_other = -1, -1
    pairs = match_events(reference, candidate, tolerance)
    for i, j in sorted((*pairs, *_elsewhere(reference, candidate, pairs)), key=lambda pair: pair[1]):
        event = candidate[j]
        # Code that is divided otherwise reaches a value of PyTorch's under another name, earlier.
        if any(agree(later, event, tolerance) for later in reference[i:]):
            equal.add(event.name)
            last, last_other = max(i, last), j
            continue
        if _has_no_consequence(j, reference[i:], candidate, tolerance):
            continue
        inputs = tuple(name for name in event.statement.reads if name in equal)
        result = _worst(reference[i].value, event.value, tolerance)
        if result.matches:  # a tuple of another length, equal in what both have
            equal.add(event.name)
            last, last_other = max(i, last), j
            continue
        skipped, others = reference[last + 1 : i], candidate[last_other + 1 : j]
        found = Located(reference[i], event, result, inputs, tuple(skipped), tuple(others))
        if not _is_number(event):
            found = _fed_by(_at_its_name(found, candidate[:j]), reference, tolerance)
            found = _in_helper(found, candidate[: j + 1], equal)
            found = next((numbers[name] for name in event.statement.reads if name in numbers), found)
            return replace(found, went_in=_read_by(found.tf, candidate))
        # A flag or size may differ without consequence; it counts if the first wrong tensor is computed from it.
        numbers.setdefault(event.name, found)
    return next(iter(numbers.values()), None)


def _read_by(event: Event, events: Sequence[Event]) -> tuple[Event, ...]:
    """The variables that its statement reads, as they were before it."""
    before = itertools.takewhile(lambda other: other is not event, events)
    latest = {other.name: other for other in before if other.function == event.function}
    return tuple(latest[name] for name in event.statement.reads if name in latest)


def _elsewhere(
    reference: Sequence[Event], candidate: Sequence[Event], pairs: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Variables of one name and shape, set once on either side, that are computed in another order."""
    left, right = ({event.name: n for n, event in enumerate(side)} for side in (reference, candidate))
    named = [name for name in left if name in right and name != RETURN]
    once = [name for name in named if all([e.name for e in side].count(name) == 1 for side in (reference, candidate))]
    matched = ({i for i, _ in pairs}, {j for _, j in pairs})
    return [
        (left[name], right[name])
        for name in once
        if left[name] not in matched[0] and right[name] not in matched[1] and not _is_number(candidate[right[name]])
        if _shapes(reference[left[name]]) == _shapes(candidate[right[name]])
    ]


def _has_no_consequence(place: int, reference: Sequence[Event], candidate: Sequence[Event], tolerance: float) -> bool:
    """Whether something that is computed from a value, directly or not, is what PyTorch then has: so it is right.

    A port may scale earlier or keep heads in the batch; what comes out of it is equal again.
    """
    tainted = {candidate[place].name}
    kinds = _kinds(candidate[place])
    for _, group in itertools.groupby(candidate[place + 1 :], key=lambda event: event.statement):
        made = list(group)
        if not tainted & set(made[0].statement.reads):
            tainted -= {event.name for event in made}
            continue
        proofs = [event for event in made if kinds & _kinds(event) and _varies(event)]
        # Of several results, one may have been computed from other inputs alone.
        if proofs and all(any(_same_numbers(mine, event, tolerance) for mine in reference) for event in proofs):
            return True
        tainted |= {event.name for event in made}
    return False


def _kinds(event: Event) -> set[str]:
    """What the tensors of an event are; plain numbers are nothing, they tell sizes."""
    return {tensor.array.dtype.kind for tensor in event.value.tensors.values() if tensor.dtype != PYTHON}


def _varies(event: Event) -> bool:
    arrays = [tensor.array for tensor in event.value.tensors.values()]
    return any(array.size > 1 and bool((array != array.flat[0]).any()) for array in arrays)


def _same_numbers(mine: Event, theirs: Event, tolerance: float) -> bool:
    """As :func:`agree`, whatever the axes: heads may stand in the batch."""
    sizes = [[tensor.array.size for tensor in event.value.tensors.values()] for event in (mine, theirs)]
    if sizes[0] != sizes[1] or not _alike(mine, theirs, tolerance):
        return False
    flat = [
        Flattened({path: TensorValue(t.array.reshape(-1), t.dtype) for path, t in event.value.tensors.items()})
        for event in (mine, theirs)
    ]
    return close(mine.value, theirs.value, tolerance) or close(flat[0], flat[1], tolerance)


def _at_its_name(found: Located, before: Sequence[Event]) -> Located:
    """Of ``return x`` the statement that made x."""
    if found.tf.name != RETURN:
        return found
    function, reads = found.tf.function, found.tf.statement.reads
    made = [event for event in before if event.function == function and event.name in reads]
    if not made or not close(made[-1].value, found.tf.value, 0.0):
        return found
    return replace(found, tf=made[-1], others=tuple(event for event in found.others if event is not made[-1]))


def _fed_by(found: Located, reference: Sequence[Event], tolerance: float) -> Located:
    """The first statement that the wrong one was computed from, if both sides did something without a counterpart.

    Between the last equal variable and the first wrong one of a name, PyTorch took as many steps or more: then the
    port's own steps, under other names, are as likely wrong as what follows from them.
    """
    chain = _sources(found, reference, tolerance)
    if not chain or len([event for event in found.skipped if not _is_number(event)]) < len(chain):
        return found
    first = chain[0]
    rest = tuple(event for event in found.others if event is not first)
    return replace(found, tf=first, others=(*rest, found.tf))


def _sources(found: Located, reference: Sequence[Event], tolerance: float) -> list[Event]:
    """Tensors unlike any of PyTorch's that lead to the wrong value, in order; those inside helpers left out."""
    wanted = set(found.tf.statement.reads)
    chain: list[Event] = []
    for event in reversed(found.others):
        if event.name not in wanted or event.function != found.tf.function or _is_number(event):
            continue
        if not any(_same_numbers(mine, event, tolerance) for mine in reference):
            chain.append(event)
            wanted |= set(event.statement.reads)
    return chain[::-1]


def _in_helper(found: Located, events: Sequence[Event], equal: set[str]) -> Located:
    """The helper's own ``return``, if the wrong value is what a helper made of right ones."""
    if len(events) < 2:
        return found
    inner, event = events[-2], events[-1]
    assigned = {other.name for other in events[:-1] if other.function == event.function}
    right = all(name in equal or name not in assigned for name in event.statement.reads)
    if inner.name != RETURN or event.name == RETURN or inner.function == event.function or not right:
        return found
    if not close(inner.value, event.value, 0.0):
        return found
    return replace(found, tf=inner, others=(*found.others, event))


def _shapes(event: Event) -> list[tuple[int, ...]]:
    return [tensor.array.shape for tensor in event.value.tensors.values()]


def _is_number(event: Event) -> bool:
    return all(tensor.dtype == PYTHON for tensor in event.value.tensors.values())


def match_events(reference: Sequence[Event], candidate: Sequence[Event], tolerance: float) -> list[tuple[int, int]]:
    """Order-preserving pairs of the greatest total likeness: equal values first, then equal names and shapes."""
    rows, columns = len(reference), len(candidate)
    likeness = np.zeros((rows, columns))
    for i, mine in enumerate(reference):
        for j, theirs in enumerate(candidate):
            likeness[i, j] = _likeness(mine, theirs, tolerance)
    best = np.zeros((rows + 1, columns + 1))
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            best[i, j] = max(best[i + 1, j], best[i, j + 1], best[i + 1, j + 1] + likeness[i, j])
    pairs, i, j = [], 0, 0
    while i < rows and j < columns:
        # Of several that may be the one that is wrong, the last: those before it have left the value as it was.
        later = 0 < likeness[i, j] < 3.0 and best[i, j] == best[i, j + 1]
        if likeness[i, j] > 0 and not later and best[i, j] == best[i + 1, j + 1] + likeness[i, j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i, j] == best[i, j + 1]:
            j += 1
        else:
            i += 1
    return pairs


def agree(mine: Event, theirs: Event, tolerance: float) -> bool:
    """As :func:`close`, the cheap answer first: mean magnitudes that are too far apart cannot belong together."""
    return _alike(mine, theirs, tolerance) and close(mine.value, theirs.value, tolerance)


def _alike(mine: Event, theirs: Event, tolerance: float) -> bool:
    means = list(zip(mine.summary, theirs.summary, strict=False))
    return len(mine.summary) == len(theirs.summary) and all(
        abs(mean - other) <= tolerance * slack * 1.01 + 1e-6 * abs(mean) for (mean, slack), (other, _) in means
    )


def close(expected: Flattened, actual: Flattened, tolerance: float) -> bool:
    """Whether all common tensors agree, up to the layout of channels and the width of numbers."""
    pairs = align(expected.tensors, actual.tensors)
    return bool(pairs) and len(expected.tensors) == len(actual.tensors) and _worst(expected, actual, tolerance).matches


def _likeness(mine: Event, theirs: Event, tolerance: float) -> float:
    name = 1.0 * (mine.name.rstrip("_").removeprefix("tf_") == theirs.name.rstrip("_").removeprefix("tf_"))
    same = mine.function == theirs.function or {mine.function, theirs.function} == {"forward", "call"}
    if mine.name == RETURN and not same:
        name = 0.0  # a helper that the other side does not have
    if agree(mine, theirs, tolerance):
        trivial = all(tensor.array.size <= 1 for tensor in mine.value.tensors.values())
        return name + (0.5 if trivial else 3.0)
    if name:
        return name + 0.1 * same
    return 0.8 if agree(mine, theirs, NEAR) else 0.0


def _worst(expected: Flattened, actual: Flattened, tolerance: float) -> TensorResult:
    results = []
    for path, other in align(expected.tensors, actual.tensors):
        mine = expected.tensors[path]
        theirs = to_repeated(actual.tensors[other], mine.array.shape)
        # The bound is relative to max(1, scale), here it is wanted relative to the scale alone.
        bound = Bound(tolerance * min(1.0, scale_of(mine.array)))
        results.append(compare_tensors(path, mine, theirs, bound, check_dtype=False))
    return max(results, key=lambda result: (not result.matches, result.relative))


def construction_line(file: str, class_line: int, attribute: str) -> tuple[int, str] | None:
    """Where the class that begins at ``class_line`` (decorators included) sets ``self.<attribute>``.

    That is an assignment to it, else a keyword of that name in a call of ``super().__init__``.
    """
    text = Path(file).read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if first <= class_line <= node.lineno:
                found = [
                    part.lineno for sets in (_assigns, _passes) for part in ast.walk(node) if sets(part, attribute)
                ]
                line = found[0] if found else 0
                return (line, text.splitlines()[line - 1]) if line else None
    return None


def _assigns(node: ast.AST, attribute: str) -> TypeGuard[ast.stmt]:
    return isinstance(node, ast.Assign) and any(_is_attribute(target, attribute) for target in node.targets)


def _passes(node: ast.AST, attribute: str) -> TypeGuard[ast.stmt]:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    return any(keyword.arg == attribute for keyword in node.value.keywords) and "super()" in ast.unparse(
        node.value.func
    )


def _is_attribute(target: ast.expr, attribute: str) -> bool:
    if isinstance(target, ast.Tuple):
        return any(_is_attribute(part, attribute) for part in target.elts)
    return isinstance(target, ast.Attribute) and target.attr == attribute
