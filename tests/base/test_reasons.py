"""Exceptions of other people's code, in one line."""

import pytest

from porter.base.reasons import kind_and_reason, reason

FIELD = ValueError("Validation error for field 'size':\n    TypeError: expected int, got str\n\nmore")


@pytest.mark.parametrize(
    ("problem", "said", "with_kind"),
    [
        (ValueError("no such size\nand a page of text"), "no such size", "ValueError: no such size"),
        (ValueError("\n  no such size  \n"), "no such size", "ValueError: no such size"),
        (ValueError(), "ValueError", "ValueError"),
        (KeyError("evil"), "KeyError: 'evil'", "KeyError: 'evil'"),
        (ValueError("sizes:"), "sizes:", "ValueError: sizes:"),
        (
            FIELD,
            "Validation error for field 'size': TypeError: expected int, got str",
            "ValueError: Validation error for field 'size': TypeError: expected int, got str",
        ),
    ],
)
def test_one_line_says_why(problem: Exception, said: str, with_kind: str) -> None:
    assert (reason(problem), kind_and_reason(problem)) == (said, with_kind)
