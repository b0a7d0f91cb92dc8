"""Examples in docstrings: the classes of a port are imported from its own file, which transformers does not have."""

from __future__ import annotations

import re

import libcst as cst

from porter.rewrite.context import Context, tf_name

_IMPORT = re.compile(r"^(?P<prompt>[ ]*>>> )from transformers import (?P<names>\w+(?:, \w+)*)$", re.MULTILINE)


class OwnImports(cst.CSTTransformer):
    """Imports of the port's classes in the examples of its docstrings, in lines of their own."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._module = f"modeling_tf_{context.source.subject.name}"
        self._own = {tf_name(name) for name, local in context.source.classes.items() if local.kind != "plain"}

    def leave_SimpleString(self, original_node: cst.SimpleString, updated_node: cst.SimpleString) -> cst.SimpleString:
        """A docstring, or any other text, which has no such line."""
        return updated_node.with_changes(value=_IMPORT.sub(self._split, updated_node.value))

    def _split(self, found: re.Match[str]) -> str:
        names = found["names"].split(", ")
        own = [name for name in names if name in self._own]
        if not own:
            return found[0]
        others = [name for name in names if name not in self._own]
        lines = [f"from transformers import {', '.join(others)}"] if others else []
        lines.append(f"from {self._module} import {', '.join(own)}")
        return "\n".join(found["prompt"] + line for line in lines)
