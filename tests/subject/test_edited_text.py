"""Texts in which something is said otherwise, with each line where it was."""

import ast

from porter.subject.edited_text import Edit, edited, of_node


def test_lines_stay_where_they_are():
    source = "x = f(\n    1,\n)\ny = 2\n"
    (call,) = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    text = edited(source, [of_node(call, "g(1, é)")])
    assert text == "x = g(1, é\n\n)\ny = 2\n"
    assert ast.parse(text).body[1].lineno == 4


def test_columns_are_bytes_and_edits_do_not_disturb_each_other():
    assert edited("é = a + b\n", [Edit((1, 5), (1, 6), "aa"), Edit((1, 9), (1, 10), "bb")]) == "é = aa + bb\n"
