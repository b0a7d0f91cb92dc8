"""What a check of a port found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        problem: what is wrong, as a sentence; empty where nothing is.
        lacks: why there is nothing to check, as a sentence; empty where there was.
        remark: what a reader of a check that passed should know, as a sentence; empty where nothing is.
    """

    problem: str = ""
    lacks: str = ""
    remark: str = ""
