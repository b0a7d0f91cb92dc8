"""Views: PyTorch operations whose result shares its numbers with what they are called on.

A declaration says how the whole is made anew when the view has changed, which a tensor of TensorFlow cannot follow.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from porter.rulebook.call import Arg, Call
from porter.rulebook.declare import Rule, load_declarations
from porter.rulebook.results import Remark
from porter.rulebook.signature import Bound, Parameter, parse_signature

NEW = "new"
Back = Callable[[Call], str]


@dataclass(frozen=True)
class View:
    """How what a view was taken of is made anew: `rule` is a template or function over its arguments and `new`."""

    rule: Rule
    remark: Remark | None


@dataclass
class _Views:
    by_name: dict[str, View] = field(default_factory=dict)


_VIEWS = _Views()


def view(
    *signatures: str, back: str | None = None, cases: Mapping[str, str], remark: Remark | None = None
) -> Callable[[Back], Back]:
    """Declare views. `back` is the whole's new value over the signature's names and `new`, the view's new value.

    Without `back` it decorates the function that gives it. `cases` maps a view of `x` to the new `x`.
    """
    frame = inspect.currentframe()
    file = Path(frame.f_back.f_code.co_filename).name if frame is not None and frame.f_back is not None else ""
    parsed = tuple(parse_signature(text) for text in signatures)
    extended = tuple(replace(s, parameters=(*s.parameters, Parameter(NEW, keyword_only=True))) for s in parsed)

    def register(target: str | Back) -> None:
        found = View(Rule(extended, target, dict(cases), "", file), remark)
        for signature in extended:
            if signature.name in _VIEWS.by_name:
                raise ValueError(f"{signature.name} is declared twice as a view")
            _VIEWS.by_name[signature.name] = found

    if back is not None:
        register(back)

    def decorate(function: Back) -> Back:
        register(function)
        return function

    return decorate


def find_view(name: str) -> View | None:
    """The view that a canonical torch name makes; None for an operation whose result is new."""
    load_declarations()
    return _VIEWS.by_name.get(name)


def all_views() -> tuple[View, ...]:
    """Every declared view once."""
    load_declarations()
    return tuple({id(found): found for found in _VIEWS.by_name.values()}.values())


def with_new(call: Call, new: Arg) -> Call:
    """The call of a view, with the value that the view has now."""
    return replace(call, bound=Bound({**call.bound.given, NEW: new}, call.bound.variadic))
