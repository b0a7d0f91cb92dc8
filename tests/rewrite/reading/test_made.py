"""Calls that are given a class make an object of it."""

import libcst as cst
import pytest

from porter.rewrite.reading.made import _hands_on
from porter.rewrite.reading.source import LocalFunction


@pytest.mark.parametrize(
    ("text", "hands_on"),
    [
        ("def make(kind, *args, **kwargs):\n    return kind(*args, **kwargs)\n", True),
        ("def make(kind, *a, **k):\n    '''Text.'''\n    return kind(*a, **k)\n", True),
        ("def make(kind, *args, **kwargs):\n    return Wrapped(kind(*args, **kwargs))\n", False),
        ("def make(kind, *args):\n    return kind(*args)\n", False),
        ("def make(kind, size):\n    return kind(size, size)\n", False),
    ],
)
def test_only_a_function_that_does_nothing_else_is_taken_for_the_class(text, hands_on):
    node = cst.parse_module(text).body[0]
    assert isinstance(node, cst.FunctionDef)
    parameters = tuple(each.name.value for each in node.params.params)
    assert _hands_on(LocalFunction("make", None, node, parameters, "kwargs")) is hands_on
