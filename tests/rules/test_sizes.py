"""Python's functions of numbers: of a size that differed between runs, a graph has a scalar of its own."""

import libcst as cst
import pytest

from porter.facts import Fact
from porter.rulebook import Call, bind, find_rule
from porter.rulebook.call import Arg, code_of
from porter.rulebook.template import translate


def written(name: str, code: str, fact: Fact) -> str:
    found, node = find_rule(name), cst.parse_expression(code)
    assert found is not None
    signature = found.signatures[0]
    return code_of(translate(found, Call(signature, bind(signature, [Arg(node, node, fact)], {}), None)))


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("math.log", "logarithm"),
        ("math.sqrt", "square_root"),
        ("math.ceil", "rounded_up"),
        ("math.floor", "rounded_down"),
    ],
)
def test_a_number_that_differed_between_runs(name, function):
    assert written(name, "length / 4", Fact(kinds=frozenset({"float"}))) == f"{function}(length / 4)"
    assert written(name, "self.width", Fact(kinds=frozenset({"int"}))) == f"{name}(self.width)"
    assert written(name, "width", Fact.constant(4)) == f"{name}(width)"
