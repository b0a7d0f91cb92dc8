"""Which lines of a port ran: what a proof is about."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

Lines = dict[str, set[int]]


@contextmanager
def lines_run(files: Collection[Path]) -> Iterator[Lines]:
    """The numbers of the lines that run in the block, by file name; frames of other files cost a look each.

    A debugger or a coverage tool that listens already is put back at the end, and does not hear of the block.
    """
    watched = {str(file): file.name for file in files}
    ran: Lines = {file.name: set() for file in files}

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        name = watched.get(frame.f_code.co_filename)
        if name is None:
            return None
        add = ran[name].add
        add(frame.f_lineno)

        def line(frame: FrameType, event: str, argument: Any) -> Any:
            add(frame.f_lineno)
            return line

        return line

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield ran
    finally:
        sys.settrace(before)
