"""Patterns: what counts when a form is sought, and how templates are filled."""

import libcst as cst
import pytest

from porter.rulebook.call import code_of
from porter.rulebook.pattern import fill, parse_expression, parse_statement


def captured(pattern: str, code: str) -> dict[str, str] | None:
    node = cst.parse_statement(code)
    if isinstance(node, cst.SimpleStatementLine):
        node = node.body[0]
    found = parse_statement(pattern).match(node)
    if found is None:
        return None
    texts = {name: code_of(value) if isinstance(value, cst.CSTNode) else value for name, value in found.items()}
    return {
        name: text.strip() if isinstance(text, str) else [code_of(part) for part in text]
        for name, text in texts.items()
    }


@pytest.mark.parametrize(
    ("pattern", "code", "found"),
    [
        ("$x.data = $v", "self.fc.weight.data = y + 1", {"x": "self.fc.weight", "v": "y + 1"}),
        ("$x.data = $v", "x.data = y = 1", None),
        ("$x.data = $v", "x.date = 1", None),
        ("$x.$name = None", "a.b.c = None", {"x": "a.b", "name": "c"}),
        ('$k["a"] = $v', "kwargs[ 'a' ] = (1)", {"k": "kwargs", "v": "(1)"}),
        ("$x.f($y, $*rest)", "a.f(1, *b, c=2)", {"x": "a", "y": "1", "rest": ["*b, ", "c=2"]}),
        ("$x.f($y, $*rest)", "a.f()", None),
        ("$x.data[$*part] = $v", "x.data[1:, ..., 0] = 2", {"x": "x", "part": ["1:, ", "..., ", "0"], "v": "2"}),
        ("$x = $x + $y", "a = a + b", {"x": "a", "y": "b"}),
        ("$x = $x + $y", "a = c + b", None),
        ("for $p in $l.parameters(): $p.grad = $f", "for q in m.parameters():\n    q.grad = 0",
         {"p": "q", "l": "m", "f": "0"}),
        ("for $p in $l.parameters(): $p.grad = $f", "for q in m.parameters():\n    q.grad = 0\n    b()", None),
        ("if $t: $body", "if x > 1:\n    a()\n    b()", {"t": "x > 1", "body": "a()\n    b()"}),
        ("if $t: $body", "if x > 1:\n    a()\nelse:\n    b()", None),
    ],
)  # fmt: skip
def test_what_matches(pattern, code, found):
    assert captured(pattern, code) == found


def test_parentheses_and_comments_do_not_count():
    node = cst.parse_expression("(  # why\n    len( ( x ) ) )")
    assert parse_expression("len($x)").match(node) is not None


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("add($x, $y)", "add(a + b, c)"),
        ("$x * 2", "(a + b) * 2"),
        ("$y = $x", "c = a + b"),
        ("$x.dtype", "(a + b).dtype"),
        ('remove($x, "$y")', 'remove(a + b, "c")'),
        ("$y = 1\n$y = $x", "c = 1\nc = a + b"),
    ],
)
def test_a_template_keeps_the_order_of_operations(template, filled):
    values = {"x": cst.parse_expression("(a + b)"), "y": cst.Name("c")}
    assert fill(template, values.__getitem__).strip() == filled
