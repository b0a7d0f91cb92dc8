"""The stages of a command: each is said when it begins, and timed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from porter.base import console


@dataclass
class Stages:
    """What has taken how long: seconds by the name of the stage, in the order in which the stages began."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Say that a stage begins, and add the seconds that the block takes to it."""
        console.say(f"{name} ...")
        self.seconds.setdefault(name, 0.0)
        start = time.perf_counter()
        with console.working(name):
            yield
        self.seconds[name] = round(self.seconds[name] + time.perf_counter() - start, 3)
        console.detail(f"{name} took {self.seconds[name]:.1f} s")
