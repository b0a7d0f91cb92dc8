"""Exceptions of other people's code, in one line."""

from pathlib import Path

import pytest

from porter.base.reasons import kind_and_reason, kind_reason_and_line, reason

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


def test_the_line_is_the_last_one_of_the_file_that_was_running(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    code = compile("def f(x):\n    return int(x)\n\n\nf('three')\n", str(file), "exec")
    with pytest.raises(ValueError, match="invalid literal") as caught:
        exec(code, {})
    assert kind_reason_and_line(caught.value, file).endswith("'three' (line 2)")
    assert kind_reason_and_line(caught.value, tmp_path / "other.py") == kind_and_reason(caught.value)
