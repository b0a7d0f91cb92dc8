"""Views: what makes the whole anew, and that it computes what PyTorch has after a write into the view."""

import re

import libcst as cst
import pytest
import torch

from porter.rulebook import Call, bind
from porter.rulebook.call import Arg, code_of
from porter.rulebook.template import translate
from porter.rulebook.views import View, all_views, with_new
from tests.rules.running import compare, run
from tests.rules.snippets import Rewriter, rewritten, torch_names

CASES = [pytest.param(found, *case, id=case[0]) for found in all_views() for case in found.rule.cases.items()]


def made_anew(found: View, before: str) -> str:
    """What the declaration makes of the case."""
    node, rewriter = cst.parse_expression(before), Rewriter(torch_names())
    method = node.func if isinstance(node, cst.Call) else node
    assert isinstance(method, cst.Attribute)
    signature = next(s for s in found.rule.signatures if s.name == f"torch.Tensor.{method.attr.value}")
    arguments = node.args if isinstance(node, cst.Call) else ()
    positional = [rewriter.arg(method.value, method.value)]
    positional += [rewriter.arg(a.value, a.value) for a in arguments if a.keyword is None]
    keywords = {a.keyword.value: rewriter.arg(a.value, a.value) for a in arguments if a.keyword is not None}
    new = cst.Name("new")
    call = with_new(Call(signature, bind(signature, positional, keywords), None), Arg(new, new))
    return code_of(translate(found.rule, call))


@pytest.mark.parametrize(("found", "before", "after"), CASES)
def test_a_case_becomes_its_text(found: View, before: str, after: str) -> None:
    assert made_anew(found, before) == after


@pytest.mark.parametrize(("found", "before", "after"), CASES)
def test_the_whole_is_what_pytorch_has_after_a_write(found: View, before: str, after: str) -> None:
    name = before.partition(".")[0]
    whole = torch_names()[name].clone()
    view = eval(before, {**torch_names(), name: whole})  # the cases are this project's own
    parts = view if isinstance(view, tuple) else (view,)
    for part in parts:
        part.mul_(2.0)
    assert any(not torch.equal(whole, torch_names()[name]) for _ in parts)
    doubled = (
        f"[part * 2.0 for part in {rewritten(before)}]" if isinstance(view, tuple) else f"({rewritten(before)} * 2.0)"
    )
    text = re.sub(r"\bnew\b", lambda _: doubled, after)
    compare(whole, run(text))
    if not isinstance(view, tuple):
        compare(whole, run(text, static=False))
