"""How statements and expressions are declared by their form: a declaration in porter/rules is found by itself.

`rule` is for what has a name in PyTorch; a form is for what is recognised by how it is written.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import libcst as cst

from porter.rulebook.declare import load_declarations
from porter.rulebook.match import Answer, Condition, Match
from porter.rulebook.pattern import Captures, Pattern, parse_expression, parse_statement
from porter.rulebook.results import Drop, Text

Where = Literal["anywhere", "constructor", "call"]


@dataclass(frozen=True)
class Form:
    """How statements or expressions of some form are written in TensorFlow.

    `to` is a template over the captures, a fixed result, or a function of the match. `inside` says where the form
    stands: in a constructor, in what runs at a call, or anywhere; in functions that fill weights only the last holds.
    `cases` maps PyTorch's lines to the port's.
    """

    patterns: tuple[Pattern, ...]
    to: str | Text | Drop | Answer
    where: Condition | None
    inside: Where
    cases: Mapping[str, str]
    doc: str
    file: str

    @property
    def name(self) -> str:
        """The first pattern's text."""
        return self.patterns[0].text

    def applies(self, match: Match) -> bool:
        """Whether the form covers the place and the captures."""
        where = "constructor" if match.place.in_constructor else "call"
        place = self.inside == "anywhere" or (self.inside == where and not match.place.fills_weights)
        return place and (self.where is None or self.where(match))

    def translate(self, match: Match) -> Text | Drop:
        """What the match becomes.

        Raises:
            Unknown: a fact is needed that no run has shown, or the form does not cover these captures.
        """
        if callable(self.to):
            return self.to(match)
        return Text(match.fill(self.to)) if isinstance(self.to, str) else self.to


@dataclass
class _Forms:
    every: list[Form] = field(default_factory=list)
    by_kind: dict[type[cst.CSTNode], list[tuple[Pattern, Form]]] = field(default_factory=dict)


_FORMS = _Forms()
Declared = Callable[[Answer], Answer]


def statement(
    *patterns: str,
    to: str | Text | Drop | None = None,
    where: Condition | None = None,
    inside: Where = "anywhere",
    cases: Mapping[str, str] | None = None,
    doc: str = "",
) -> Declared:
    """Declare what statements of a form become. Without `to` it decorates the function that decides."""
    parsed = tuple(parse_statement(text) for text in patterns)
    form = Form(parsed, "" if to is None else to, where, inside, dict(cases or {}), doc, _caller_file())
    return _declared(form, complete=to is not None)


def expression(
    *patterns: str,
    to: str | Text | Drop | None = None,
    where: Condition | None = None,
    inside: Where = "anywhere",
    cases: Mapping[str, str] | None = None,
    doc: str = "",
) -> Declared:
    """Declare what expressions of a form become. Without `to` it decorates the function that decides."""
    parsed = tuple(parse_expression(text) for text in patterns)
    form = Form(parsed, "" if to is None else to, where, inside, dict(cases or {}), doc, _caller_file())
    return _declared(form, complete=to is not None)


def all_forms() -> tuple[Form, ...]:
    """Every declared form, in order of declaration."""
    load_declarations()
    return tuple(_FORMS.every)


def candidates(node: cst.CSTNode) -> Iterable[tuple[Form, Captures]]:
    """The forms whose pattern a node of the PyTorch file matches, before anything is asked about the place."""
    load_declarations()
    for pattern, form in _FORMS.by_kind.get(type(node), ()):
        captures = pattern.match(node)
        if captures is not None:
            yield form, captures


def _declared(form: Form, complete: bool) -> Declared:
    if complete:
        _add(form)

    def decorate(function: Answer) -> Answer:
        doc = inspect.getdoc(function) or ""
        _add(Form(form.patterns, function, form.where, form.inside, form.cases, doc, form.file))
        return function

    return decorate


def _add(form: Form) -> None:
    _FORMS.every.append(form)
    for pattern in form.patterns:
        _FORMS.by_kind.setdefault(pattern.kind, []).append((pattern, form))


def _caller_file() -> str:
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None and frame.f_back.f_back is not None
    return Path(frame.f_back.f_back.f_code.co_filename).name
