"""Why a module is wrong: each known cause is tried on the TensorFlow side; the one that removes the error is named."""

from __future__ import annotations

from dataclasses import replace

from diffcheck.explain.causes.suspect import Cause, Explanation, Suspect
from diffcheck.explain.causes.wrong_code import CODE_CAUSES
from diffcheck.explain.causes.wrong_layer import LAST_CAUSES, LAYER_CAUSES
from diffcheck.explain.causes.wrong_values import VALUE_CAUSES

CAUSES: tuple[Cause, ...] = (*LAYER_CAUSES, *CODE_CAUSES, *VALUE_CAUSES, *LAST_CAUSES)
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
