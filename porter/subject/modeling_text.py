"""A modeling file's text as it is watched and ported: what PyTorch reads, with some things said in full."""

from __future__ import annotations

from pathlib import Path

from porter.base.reading import read_text
from porter.subject.one_by_one import one_by_one
from porter.subject.spelled_out import spelled_out


def modeling_text(file: Path) -> str:
    """The text of a file, each line where the file has it.

    Raises:
        UsageError: the file cannot be read as text.
    """
    return one_by_one(spelled_out(read_text(file)))
