"""An operation that takes the place of a call keeps its meaning."""

import libcst as cst
import pytest

from porter.rewrite.expressions.precedence import with_guarded_value, with_parentheses


def _with_operand(code: str, operand: str, guard=with_parentheses) -> str:
    """`code` with the call f() replaced as a rule replaces it, bare."""

    class Filler(cst.CSTTransformer):
        def leave_Call(self, original_node, updated_node):  # noqa: N802
            return cst.parse_expression(operand)

    node = cst.parse_expression(code).visit(Filler())
    return cst.Module([]).code_for_node(guard(node))


@pytest.mark.parametrize(
    ("code", "operand", "expected"),
    [
        ("2 * f()", "x // 2", "2 * (x // 2)"),
        ("f() * 2", "x // 2", "x // 2 * 2"),
        ("f() ** 2", "-x", "(-x) ** 2"),
        ("2 ** f()", "-x", "2 ** -x"),
        ("2 ** f()", "x * y", "2 ** (x * y)"),
        ("a - f()", "x - y", "a - (x - y)"),
        ("a + f()", "x * y", "a + x * y"),
        ("-f()", "x + y", "-(x + y)"),
        ("not f()", "x and y", "not (x and y)"),
        ("f() == a", "x < y", "(x < y) == a"),
        ("a == f()", "x + y", "a == x + y"),
        ("f() and a", "x or y", "(x or y) and a"),
        ("a * f()", "x if y else z", "a * (x if y else z)"),
        ("a * f()", "g(x)", "a * g(x)"),
        ("a * f()", "(x + y)", "a * (x + y)"),
    ],
)
def test_operands_keep_their_meaning(code, operand, expected):
    assert _with_operand(code, operand) == expected


@pytest.mark.parametrize(
    ("code", "operand", "expected"),
    [
        ("f()[:, None]", "x / y", "(x / y)[:, None]"),
        ("f()[0]", "g(x)", "g(x)[0]"),
        ("f().shape", "-x", "(-x).shape"),
    ],
)
def test_items_and_attributes_are_those_of_the_whole(code, operand, expected):
    assert _with_operand(code, operand, with_guarded_value) == expected
