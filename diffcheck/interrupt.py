"""What was found before the user broke a comparison off is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")
Other = TypeVar("Other")
NOTE = "interrupted: what is said here was found until then."


@dataclass
class Steps:
    """The parts of a comparison, one after the other, until one is interrupted."""

    interrupted: bool = False

    def run(self, part: Callable[[], Result], otherwise: Other) -> Result | Other:
        """The result of a part; ``otherwise`` for the one that is interrupted and for all after it."""
        if self.interrupted:
            return otherwise
        try:
            return part()
        except KeyboardInterrupt:
            self.interrupted = True
            return otherwise
