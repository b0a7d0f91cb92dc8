"""Whether a file was written for another transformers than the one that is installed, and where it would run."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Methods that transformers 4's base classes gave every model and that transformers 5 does not.
_FORMER_METHODS = frozenset({"get_extended_attention_mask", "get_head_mask", "invert_attention_mask"})
# How files of those years are written: lists of tied weights, decorators for docstrings, tuples as caches.
_HABITS = re.compile(
    r"_tied_weights_keys = \[|add_start_docstrings|_legacy_cache|get_usable_length|use_return_dict|"
    r"rope_scaling\[.type.\]|is_flash_attn_2_available|modeling_attn_mask_utils"
)
_NO_ATTRIBUTE = re.compile(r"'(\w+)' object has no attribute '(\w+)'")
_NO_ARGUMENT = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")
ENVIRONMENT = "an environment of constraints-transformers4.txt, where porter scaffold works as well"
EARLIER = "an environment with an earlier transformers; porter scaffold works from 4.46 on"


@dataclass(frozen=True)
class Mismatch:
    """What a file asks of transformers, as one sentence, and where to port it."""

    sentence: str
    hint: str


def mismatch(
    error: BaseException, source: str, names: Mapping[str, Any], saved_with: object = None
) -> Mismatch | None:
    """What the file asks for that the installed transformers does not have; None where nothing speaks for that.

    Args:
        error: what the file raised when it was imported, or its model when it was made or run.
        source: the file's text.
        names: the file's namespace, as far as it could be imported.
        saved_with: the `transformers_version` of the checkpoint's config.json.
    """
    import transformers

    here = f"transformers {transformers.__version__}"
    is_five = not transformers.__version__.startswith("4.")
    asked = _asked(error, names)
    if asked:
        other = "transformers 4" if is_five else "another version"
        sentence = f"{here} has no {asked}, which the file asks for: it was written for {other}"
    elif is_five and _HABITS.search(source):
        sentence = f"it is written as files for transformers 4 are, and this is {here}"
    else:
        return None
    version = f" (its configuration was saved with {saved_with})" if isinstance(saved_with, str) else ""
    return Mismatch(sentence + version, ENVIRONMENT if is_five else EARLIER)


def _asked(error: BaseException, names: Mapping[str, Any]) -> str:
    """What was asked of transformers and is not there; empty where it was something else's."""
    text = str(error)
    if isinstance(error, ImportError):
        module = error.name or ""
        found = re.search(r"cannot import name '(\w+)'", text)
        if not module.startswith("transformers"):
            return ""
        return f"{found.group(1)} in {module}" if found else f"module {module}"
    owner: Any = getattr(error, "obj", None)
    kind = owner.__name__ if inspect.ismodule(owner) else f"{type(owner).__module__}.{type(owner).__qualname__}"
    if isinstance(error, AttributeError) and error.name and kind.startswith("transformers."):
        return f"{kind}.{error.name}"
    missing = _NO_ATTRIBUTE.search(text) if isinstance(error, AttributeError) else None
    if missing is not None and missing.group(2) in _FORMER_METHODS:
        return f"PreTrainedModel.{missing.group(2)}"
    argument = _NO_ARGUMENT.search(text) if isinstance(error, TypeError) else None
    made = names.get(argument.group(1)) if argument is not None else None
    if argument is not None and str(getattr(made, "__module__", "")).startswith("transformers."):
        return f"argument {argument.group(2)!r} of {argument.group(1)}"
    return ""
