import libcst as cst
import pytest

from porter.rewrite.statements.autograph import as_autograph_takes


def taken(body: str) -> str:
    function = cst.parse_module(f"def f():\n{body}").body[0]
    return cst.Module([function.with_changes(body=as_autograph_takes(function.body))]).code.partition("\n")[2]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    if (n := g()) > 0:\n        h(n)\n", "    n = g()\n    if n > 0:\n        h(n)\n"),
        (
            "    # why\n    if not isinstance(m := mask, dict) and m.any():\n        h(m)\n",
            "    # why\n    m = mask\n    if not isinstance(m, dict) and m.any():\n        h(m)\n",
        ),
        ("    x: Tensor = g()\n", "    x = g()\n"),
    ],
)
def test_a_line_becomes_its_text(before, after):
    assert taken(before) == after


@pytest.mark.parametrize(
    "kept",
    [
        "    if a and (n := g()):\n        h(n)\n",
        "    if a:\n        h(a)\n    elif (n := g()) > 0:\n        h(n)\n",
        "    while (n := g()) > 0:\n        h(n)\n",
        "    x: Tensor\n",
        "    def inner():\n        y: int = 1\n",
    ],
)
def test_what_is_not_always_named_first_stays(kept):
    assert taken(kept) == kept
