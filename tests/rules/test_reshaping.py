"""Another shape of the same numbers, where the graph does not know all sizes."""

import libcst as cst
import pytest

from porter.facts import Fact
from porter.rulebook import Call, bind, find_rule
from porter.rulebook.call import Arg, code_of
from porter.rulebook.template import translate


def written(sizes: str, before: tuple[int | None, ...], after: tuple[int | None, ...]) -> str:
    found = find_rule("torch.reshape")
    assert found is not None
    signature = next(each for each in found.signatures if each.name == "torch.reshape")
    nodes = [cst.parse_expression(code) for code in ("x", sizes)]
    facts = [Fact(frozenset({"tensor"}), rank=len(dims), dims=dims) for dims in (before, after)]
    args = [Arg(nodes[0], nodes[0], facts[0]), Arg(nodes[1], nodes[1])]
    return code_of(translate(found, Call(signature, bind(signature, args, {}), facts[1])))


@pytest.mark.parametrize(
    ("sizes", "before", "after", "code"),
    [
        ("(batch, length, 4, -1)", (None, None, 32), (None, None, 4, 8), "unflatten(x, -1, (4, -1))"),
        ("(batch, length, -1)", (None, None, 4, 8), (None, None, 32), "flatten(x, start_dim=2)"),
        # The axis before is torn apart, or made of several: unknown sizes are not the same sizes.
        ("(batch, queries, -1)", (None, 4), (None, 10, 4), "tf.reshape(x, (batch, queries, -1))"),
        ("(rows, -1)", (None, 10, 4), (None, 4), "tf.reshape(x, (rows, -1))"),
        ("(batch, -1)", (None, None, 4), (None, 4), "tf.reshape(x, (batch, -1))"),
    ],
)
def test_only_the_last_axes_change_where_they_hold_as_many_numbers(sizes, before, after, code):
    assert written(sizes, before, after) == code
