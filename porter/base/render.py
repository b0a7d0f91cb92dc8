"""Fill in the templates of `templates/`, which the wheel carries as `porter/templates/`."""

import json
import math
from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass
from pathlib import Path

INSTALLED = Path(__file__).parents[1] / "templates"
LINE_LENGTH = 119
IN_TREE = Path(__file__).parents[2] / "templates"


def render(template_name: str, **values: object) -> str:
    """The text of a template such as `test_modeling_tf.py.j2`; a value that it needs and does not get is an error.

    Values are put in as they are; a template whose name ends in `.html.j2` escapes them.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(INSTALLED if INSTALLED.is_dir() else IN_TREE),
        undefined=StrictUndefined,
        autoescape=template_name.endswith(".html.j2"),
        keep_trailing_newline=True,
        lstrip_blocks=True,
        trim_blocks=True,
    )
    environment.filters["python"] = python_literal
    environment.filters["escaped"] = _escaped
    return environment.get_template(template_name).render(**values)


def _escaped(text: str) -> str:
    """A name of a file as it may stand in a docstring or a comment, which it cannot end."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def python_literal(value: object, indent: int = 0, used: int = 0) -> str:
    """The Python text of plain data and of dataclasses, whose fields at their defaults are left out.

    What does not fit into a line is broken as ruff does it. `indent` is the line's indentation, `used` what
    stands on the line already, both in characters.
    """
    flat = _inline(value)
    parts = _parts(value)
    if parts is None or used + len(flat) < LINE_LENGTH:
        return flat
    opening, children, closing = parts
    inner = indent + 4
    lines = [
        " " * inner + prefix + python_literal(child, inner, inner + len(prefix)) + ",\n" for prefix, child in children
    ]
    return f"{opening}\n{''.join(lines)}{' ' * indent}{closing}"


def _inline(value: object) -> str:
    parts = _parts(value)
    if parts is None:
        if isinstance(value, float) and not math.isfinite(value):
            return f'float("{value}")'
        return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
    opening, children, closing = parts
    lonely = "," if opening == "(" and len(children) == 1 else ""
    return opening + ", ".join(prefix + _inline(child) for prefix, child in children) + lonely + closing


def _parts(value: object) -> tuple[str, list[tuple[str, object]], str] | None:
    """Opening, (prefix, child) pairs and closing of a container; None for a scalar."""
    if isinstance(value, Mapping):
        return "{", [(f"{_inline(key)}: ", part) for key, part in value.items()], "}"
    if isinstance(value, list):
        return "[", [("", part) for part in value], "]"
    if isinstance(value, tuple):
        return "(", [("", part) for part in value], ")"
    if not is_dataclass(value) or isinstance(value, type):
        return None
    shown = [(field.name, getattr(value, field.name)) for field in fields(value) if _differs(field, value)]
    return f"{type(value).__name__}(", [(f"{name}=", part) for name, part in shown], ")"


def _differs(field: Field[object], value: object) -> bool:
    return bool(field.default != getattr(value, field.name))
