"""Assignments to several targets that are written as several."""

import pytest

from porter.subject.one_by_one import one_by_one

APART = {
    "self.a, self.b = nn.Parameter(x), nn.Parameter(y)": "self.a = nn.Parameter(x); self.b = nn.Parameter(y)",
    "score, history = start + x, []": "score = start + x; history = []",
    "z[:, 0] = z[:, -1] = y": "z[:, 0] = y; z[:, -1] = y",
    "a[0] = b = f(x)": "b = f(x); a[0] = b",
    "a[0] = b[1] = f(x)": "value_of_all = f(x); a[0] = value_of_all; b[1] = value_of_all",
}


@pytest.mark.parametrize("line", APART)
def test_what_needs_a_line_has_one(line):
    assert one_by_one(f"{line}\n") == f"{APART[line]}\n"


@pytest.mark.parametrize(
    "line",
    [
        "a, b = b, []",
        "self.a, self.b = self.make(), nn.Parameter(x)",
        "*a, b = x, []",
        "q, k = self.q(x), self.k(x)",
        "a = b = f(x)",
        "a, b = x",
        "a = (",
    ],
)
def test_all_else_stays_as_it_is(line):
    assert one_by_one(f"{line}\n") == f"{line}\n"


def test_no_line_moves():
    text = one_by_one(
        "def f(self):\n    self.a, self.b = (\n        nn.Parameter(x),\n        nn.Parameter(y),\n    )\n    c = 1\n"
    )
    assert text.splitlines()[5] == "    c = 1"
