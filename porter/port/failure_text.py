"""What went wrong in a port, in one line, with the place in the generated file."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

# What Keras and TensorFlow wrap around the sentence that says what happened.
_ANSI = re.compile("\x1b\\[[0-9;]*m")
_FRAME = re.compile(r'^ *File "[^"\n]*", line \d+.*\n(?: {8}.*\n)?', re.MULTILINE)
_NAMED = re.compile(r"^(\w*(Error|Exception)): (?!Exception encountered)", re.MULTILINE)
_KERAS = re.compile(r"^(?:\w+: )?Exception encountered when calling .*$", re.MULTILINE)
_ARGUMENTS = re.compile(r"^ *Arguments received by .*", re.MULTILINE | re.DOTALL)


def where_it_failed(error: BaseException) -> str:
    """The error in one line, with the innermost line of a generated file that led to it."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "modeling_tf_" in f.filename]
    text = str(error)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}: " if frames else _place_in(text)
    return f"{place}{type(error).__name__}: {_sentence(text)[:300]}"


def _place_in(message: str) -> str:
    """The innermost line of a generated file that a message names, as `tf.function` puts its traceback there."""
    places = re.findall(r'File "[^"]*?(modeling_tf_\w+\.py)", line (\d+)', message)
    return f"{places[-1][0]}:{places[-1][1]}: " if places else ""


def _sentence(message: str) -> str:
    """What happened, without the traceback before it and the arguments behind it."""
    text = _FRAME.sub("", _ARGUMENTS.sub("", _ANSI.sub("", message)))
    text = "\n".join(line.strip() for line in text.splitlines())
    text = re.split(_KERAS, text)[-1]
    named = list(_NAMED.finditer(text))
    text = text[named[-1].start() :] if named else text
    return " ".join(text.removeprefix("in user code:").split()) or " ".join(message.split())
