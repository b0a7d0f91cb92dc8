"""What a weight format declares: how its files are written, and how a model is loaded from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from porter.runtime.model.transformers4 import Stored
from porter.runtime.stored.layouts import Layout
from porter.runtime.stored.pairing import Move
from porter.runtime.stored.writers import Entry, OpenWriter
from porter.subject.inputs.trials import Trial

Place = Callable[[Move, Stored, str], tuple[Layout, Entry]]


def by_path(move: Move, _stored: Stored, dtype: str) -> tuple[Layout, Entry]:
    """The variable as the model has it, under its path."""
    path = move.target.path
    return move.target.layout, Entry(path, path, (), move.target.shape, dtype)


@dataclass(frozen=True)
class TensorFormat:
    """A format whose files hold one variable after the other, so that no model is needed to write them.

    Attributes:
        name: what `--format` calls it, and the ending of its files.
        open: opens a file.
        place: how a file holds a variable of a type: the layout of its axes and the entry, out of the move and of
            what transformers 4 called the variable.
    """

    name: str
    open: OpenWriter
    place: Place = by_path


@dataclass(frozen=True)
class WholeFormat:
    """A format that holds a model as a whole, code or graph included.

    Attributes:
        name: what `--format` calls it.
        file: the name of its file or folder.
        write: writes a loaded model; the trials show which inputs it takes.
        load: the model at a path. Its class, which has been imported so that Keras knows it, is given.
        place: what a plan says of a variable.
    """

    name: str
    file: str
    write: Callable[[Any, Path, Iterable[Trial]], None]
    load: Callable[[Path, Any], Any]
    place: Place = by_path


WeightFormat = TensorFormat | WholeFormat
