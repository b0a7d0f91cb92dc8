"""What an exception of somebody else's code says, in the one line that fits into a sentence."""

import traceback
from pathlib import Path


def reason(problem: BaseException) -> str:
    """Its first line, with the next one where the first only leads to it; its kind too where it says a bare key."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    if not lines:
        return type(problem).__name__
    said = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return f"KeyError: {said}" if isinstance(problem, KeyError) else said


def kind_and_reason(problem: BaseException) -> str:
    """The same after the exception's kind."""
    kind, said = type(problem).__name__, reason(problem)
    return said if said == kind or said.startswith(f"{kind}: ") else f"{kind}: {said}"


def kind_reason_and_line(problem: BaseException, file: Path) -> str:
    """The same and the last line of a file that was running, where it was: `ValueError: no such size (line 7)`."""
    frames = traceback.extract_tb(problem.__traceback__)
    line = next((frame.lineno for frame in reversed(frames) if Path(frame.filename).name == file.name), None)
    return kind_and_reason(problem) + (f" (line {line})" if line is not None else "")
