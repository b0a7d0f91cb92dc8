"""Filling a rule's template."""

import libcst as cst
import pytest

from porter.rulebook import Call, bind
from porter.rulebook.call import Arg, code_of
from porter.rulebook.signature import parse_signature
from porter.rulebook.template import fill

SIGNATURE = parse_signature("torch.f(input, dim=None, keepdim=False)")


def call(*positional: str, **keywords: str) -> Call:
    def argument(code: str) -> Arg:
        return Arg(cst.parse_expression(code), cst.parse_expression(code))

    given = {name: argument(code) for name, code in keywords.items()}
    return Call(SIGNATURE, bind(SIGNATURE, [argument(code) for code in positional], given), None)


@pytest.mark.parametrize(
    ("arguments", "keywords", "code"),
    [
        (["x"], {}, "tf.f(x)"),
        (["x", "-1"], {}, "tf.f(x, axis=-1)"),
        (["x"], {"keepdim": "True"}, "tf.f(x, keepdims=True)"),
        (["x"], {"keepdim": "False"}, "tf.f(x)"),
        (["x", "0"], {"keepdim": "0"}, "tf.f(x, axis=0, keepdims=0)"),
        (["a + b", "dim"], {}, "tf.f(a + b, axis=dim)"),
    ],
    ids=["nothing more", "an axis", "a flag", "a default said", "no bool, though equal", "expressions"],
)
def test_what_the_call_does_not_say_is_left_out(arguments, keywords, code):
    assert code_of(fill("tf.f(input, axis=dim, keepdims=keepdim)", call(*arguments, **keywords))) == code


def test_an_argument_beside_an_operator_is_parenthesised():
    assert code_of(fill("input * 2", call("a + b"))) == "(a + b) * 2"
    assert code_of(fill("input * 2", call("a.b"))) == "a.b * 2"


def test_attributes_and_keywords_that_have_a_parameters_name_are_none():
    assert code_of(fill("tf.dim.f(dim=input)", call("x", "1"))) == "tf.dim.f(dim=x)"
