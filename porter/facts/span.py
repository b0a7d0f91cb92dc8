"""Places in a modeling file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Span:
    """A place in the file. Lines count from 1, columns are characters counted from 0, as LibCST has them."""

    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}-{self.end_line}:{self.end_column}"

    @classmethod
    def parse(cls, text: str) -> Span:
        """The inverse of `str(span)`."""
        start, end = text.split("-")
        line, column = start.split(":")
        end_line, end_column = end.split(":")
        return cls(int(line), int(column), int(end_line), int(end_column))
