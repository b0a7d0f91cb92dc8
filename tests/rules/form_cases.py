"""All forms' cases in one modeling file, which is traced, ported and run like any other."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from porter.rulebook import Form, all_forms
from porter.subject import Subject
from tests.rewrite.summed_model import summed_model

HELPERS = """\
import numpy as np


class Interfaces:
    def get_interface(self, name, default):
        return default


interfaces = Interfaces()


def marker(name):
    return name


attentions = {"eager": marker, "sdpa": None}


def make_scale(size):
    scale = nn.Parameter(torch.ones(size))
    return scale


def fill_with_zeros(module):
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)


class Holder(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.inner = nn.Linear(size, size)

    def forward(self, x):
        return self.inner(x) if self.inner is not None else x


class CaseLayer(nn.Module):
    gradient_checkpointing = False
    _attn_implementation = "eager"

    def reset_parameters(self):
        self.layer.weight.data.uniform_(-0.1, 0.1)

    def warn_if_padding_and_no_attention_mask(self, ids, mask):
        return None
"""
CLASS = """

class Case{number}(CaseLayer):
    def __init__(self, config):
        super().__init__()
        size = config.hidden_size
        rates = torch.linspace(0, 0.1, 2)
        self.layer = nn.Linear(size, size)
        given = self.layer.bias
        self.plain = nn.Linear(size, size, bias=False)
        self.holder = Holder(size)
        self.gain = nn.Parameter(torch.ones(size))
        marker("begin")
{constructor}
        marker("end")

    def forward(self, x, **kwargs):
        x = self.plain(self.holder(self.layer(x)))
        marker("begin")
{call}
        marker("end")
        return x
"""


@dataclass(frozen=True)
class FormCase:
    """One case of a form, and the number of its class in the file."""

    number: int
    form: Form
    before: str
    after: str

    @property
    def in_constructor(self) -> bool:
        """Where a form may stand anywhere, what changes the layer itself does so once."""
        changes_layer = self.form.inside == "anywhere" and self.before.startswith("self.")
        return changes_layer or self.form.inside == "constructor"


def form_cases() -> tuple[FormCase, ...]:
    pairs = [(form, *case) for form in all_forms() for case in form.cases.items()]
    return tuple(FormCase(number, *pair) for number, pair in enumerate(pairs))


def written(case: FormCase) -> str:
    lines = textwrap.indent(case.before, " " * 8)
    nothing = " " * 8 + "pass"
    return CLASS.format(
        number=case.number,
        constructor=lines if case.in_constructor else nothing,
        call=nothing if case.in_constructor else lines,
    )


def subject(folder: Path) -> Subject:
    """The file of all cases as a subject."""
    cases = form_cases()
    layers = {f"case_{case.number}": f"Case{case.number}" for case in cases}
    classes = "".join([HELPERS, *map(written, cases)])
    return summed_model("form_cases", classes, layers, "x, scale=2.0", folder)


def between_markers(code: str, case: FormCase) -> str:
    """What the case's lines became."""
    method = "__init__" if case.in_constructor else "call"
    tree = next(n for n in ast.parse(code).body if getattr(n, "name", "") == f"TFCase{case.number}")
    assert isinstance(tree, ast.ClassDef)
    function = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == method)
    lines = ast.get_source_segment(code, function, padded=True)
    assert lines is not None
    found = list(_inside(lines.splitlines()))
    return textwrap.dedent("\n".join(found)).strip()


def _inside(lines: list[str]) -> Iterator[str]:
    inside = False
    for line in lines:
        if 'marker("end")' in line:
            return
        if inside:
            yield line
        inside = inside or 'marker("begin")' in line
