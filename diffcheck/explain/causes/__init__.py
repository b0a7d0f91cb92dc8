"""Why a module is wrong: each known cause is tried on the TensorFlow side; the one that removes the error is named."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import replace

from diffcheck.explain.causes.suspect import Cause, Explanation, Suspect


def _declared() -> Iterator[Cause]:
    """What each file of this folder lists as its ``CAUSES``."""
    for found in pkgutil.iter_modules(__path__):
        yield from getattr(importlib.import_module(f"{__name__}.{found.name}"), "CAUSES", ())


CAUSES: tuple[Cause, ...] = tuple(sorted(_declared(), key=lambda cause: cause.order))
"""Every known cause, in the order in which they are tried."""


def find_cause(suspect: Suspect) -> Explanation | None:
    """The first cause that explains the difference, with the edit; None if no known one does."""
    for cause in CAUSES:
        found = cause.explain(suspect)
        if isinstance(found, Explanation):
            return replace(found, edit=f"{cause.name}: {found.edit}")
        if found is not None:
            return Explanation(f"{cause.name}: {found}")
    return None
