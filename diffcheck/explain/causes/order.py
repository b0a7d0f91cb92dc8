"""In which order statements come under suspicion."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from diffcheck.explain.first_statement import Located, agree
from diffcheck.explain.watched_statements import Event, Statement, statements_of
from diffcheck.record.recording import Crash


def nearby(located: Located | None, events: Sequence[Event], crash: Crash | None) -> tuple[Statement, ...]:
    """The statements that may be wrong first of all.

    That is what ran inside the one that differs first, in helpers; then it, and those before it without a counterpart,
    the ones that it reads first; and where the layer stopped.
    """
    found: list[Statement] = []
    if located is not None:
        place = _place(located, events)
        feeding = [event for event in located.others if event.name in located.tf.statement.reads]
        inside = _backwards(events[place - _inside(events, place) : place])
        found += [event.statement for event in (*inside, located.tf, *feeding, *located.others)]
    if crash is not None and crash.file:
        statements = statements_of(crash.file)
        found += [statements[line] for line in (crash.line, *crash.callers) if line in statements]
    return tuple(dict.fromkeys(found))


def elsewhere(
    located: Located | None, events: Sequence[Event], reference: Sequence[Event], tolerance: float
) -> tuple[Statement, ...]:
    """The others that ran, without those that made what PyTorch has: backwards from the difference, then after it.

    A copy of an earlier value, or one in another shape, proves nothing: the step that should have changed it may be
    left out.
    """
    place = len(events) if located is None else _place(located, events)
    right: dict[Statement, bool] = {}
    for number, event in enumerate(events):
        made = not any(_same_numbers(earlier, event) for earlier in events[:number])
        proven = made and any(agree(mine, event, tolerance) for mine in reference)
        right[event.statement] = right.get(event.statement, True) and proven
    ordered = [event.statement for event in (*_backwards(events[:place]), *events[place:])]
    return tuple(dict.fromkeys(statement for statement in ordered if not right[statement]))


def _backwards(events: Sequence[Event]) -> list[Event]:
    """The last statement first, what helpers did for one before it."""
    found: list[Event] = []
    place = len(events) - 1
    while place >= 0:
        inside = _inside(events, place)
        found += [*_backwards(events[place - inside : place]), events[place]]
        place -= inside + 1
    return found


def _inside(events: Sequence[Event], place: int) -> int:
    """How many of the events just before one happened in helpers that its statement calls."""
    before = reversed(events[:place])
    return sum(1 for _ in itertools.takewhile(lambda other: other.depth > events[place].depth, before))


def _place(located: Located, events: Sequence[Event]) -> int:
    return next(number for number, event in enumerate(events) if event is located.tf)


def _same_numbers(earlier: Event, event: Event) -> bool:
    """Whether two values are the same, in one shape or another."""
    if earlier.summary != event.summary:
        return False
    pairs = zip(earlier.value.tensors.values(), event.value.tensors.values(), strict=True)
    return all(np.array_equal(mine.array.reshape(-1), theirs.array.reshape(-1)) for mine, theirs in pairs)
