"""What a declaration answers: the code that stands for PyTorch's, the receiver itself, or nothing at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import libcst as cst

Level = Literal["assumed", "left"]


@dataclass(frozen=True)
class Remark:
    """A Note to be left at the line: `assumed` was translated without proof, `left` was not translated."""

    message: str
    level: Level = "assumed"
    hint: str = ""


@dataclass(frozen=True)
class Text:
    """The code to write; as a statement it may have several lines."""

    code: str
    remark: Remark | None = None


@dataclass(frozen=True)
class Same:
    """The value is the one that the call is made on, such as `layer` for `layer.eval()`."""

    remark: Remark | None = None


@dataclass(frozen=True)
class Drop:
    """TensorFlow needs nothing here: a statement of it goes, and as a value it is None."""

    remark: Remark | None = None


Result = Text | Same | Drop


class Nothing(cst.Name):
    """How `Drop` stands in a tree: as a statement it goes, as a value it is None."""

    def _visit_and_replace_children(self, visitor: cst.CSTVisitorT) -> Nothing:
        return self  # so it stays what it is in every later walk


def nothing() -> Nothing:
    """The expression that does nothing."""
    return Nothing("None")
