"""Examples in docstrings: the classes of a port are imported from its own file, which transformers does not have."""

from __future__ import annotations

import re
from collections.abc import Set

_IMPORT = re.compile(r"^(?P<prompt>[ ]*>>> )from transformers import (?P<names>\w+(?:, \w+)*)$", re.MULTILINE)


def with_own_imports(text: str, module: str, own: Set[str]) -> str:
    """A docstring whose examples import these classes from this module, in lines of their own."""

    def split(found: re.Match[str]) -> str:
        names = found["names"].split(", ")
        ours = [name for name in names if name in own]
        if not ours:
            return found[0]
        others = [name for name in names if name not in own]
        lines = [f"from transformers import {', '.join(others)}"] if others else []
        lines.append(f"from {module} import {', '.join(ours)}")
        return "\n".join(found["prompt"] + line for line in lines)

    return _IMPORT.sub(split, text)
