"""Random numbers that a second run of the same code draws again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import tensorflow as tf


@dataclass
class _Draws:
    """How many seeds one run has taken."""

    seed: Any
    count: int = 0


_draws: ContextVar[_Draws | None] = ContextVar("porter_repeated_draws", default=None)


@contextmanager
def repeated_draws(seed: Any) -> Iterator[None]:
    """Let what asks for `next_seed` meanwhile draw numbers that depend on `seed`, int32 `(2,)`, and on the order."""
    token = _draws.set(_Draws(seed))
    try:
        yield
    finally:
        _draws.reset(token)


def next_seed() -> Any:
    """A seed `(2,)` that another run has at the same place; None where no draws are repeated."""
    draws = _draws.get()
    if draws is None:
        return None
    draws.count += 1
    return draws.seed + tf.constant([0, draws.count], tf.int32)
