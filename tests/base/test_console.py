"""What is printed, and where."""

import io
import json
import math
import re
import time

import pytest

from porter.base import console
from porter.base.errors import UsageError


def test_results_go_to_stdout_and_talk_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    console.result("a result")
    console.say("some talk")
    console.error(UsageError("It is wrong.", place="a.py:3", hint="do it"))
    shown = capsys.readouterr()
    assert shown.out == "a result\n"
    assert shown.err == "some talk\nerror: a.py:3  It is wrong.\n  hint: do it\n"


def test_json_stays_json_when_numbers_are_not_finite(capsys: pytest.CaptureFixture[str]) -> None:
    console.result_json({"a": [math.nan, 1.5], "b": (math.inf, -math.inf)})
    assert json.loads(capsys.readouterr().out) == {"a": [None, 1.5], "b": [None, None]}


def test_tables_are_aligned_and_end_without_blanks() -> None:
    assert console.aligned(("A", "LONGER"), [("xyz", "1"), ("q", "")]) == "A    LONGER\nxyz  1\nq"


def test_a_pipe_sees_no_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(console.progress([1, 2], "working")) == [1, 2]
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("line", "colour"),
    [
        ("logits matches; greatest difference 1e-7.", console.GREEN),
        ("BertModel  1.0e-06  1.0e-06  ok", console.GREEN),
        ("BertModel  2.0e-01  DIFFERS  ok", console.RED),
        ("encoder differs by itself", console.RED),
        ("a.py:3  left: torch.f has no rule.", console.RED),
        ("a.py:3  assumed: nothing ran here.", console.YELLOW),
        ("  hint: do it", console.YELLOW),
    ],
)
def test_a_terminal_sees_verdicts_in_colour(line: str, colour: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    shown = console.coloured(line, Terminal())
    assert colour in shown
    assert re.sub(r"\x1b\[\d+m", "", shown) == line
    assert console.coloured(line, io.StringIO()) == line
    monkeypatch.setenv("NO_COLOR", "1")
    assert console.coloured(line, Terminal()) == line


def test_the_quiet_hear_errors_only_and_the_curious_more(capsys: pytest.CaptureFixture[str]) -> None:
    with console.speaking(console.Voice(quiet=True)):
        console.say("talk")
        console.error(UsageError("No."))
    with console.speaking(console.Voice(verbose=True)):
        console.detail("a detail")
    console.detail("not heard")
    assert capsys.readouterr().err == "error: No.\na detail\n"


def test_an_error_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    console.error(UsageError("It is wrong.", place="a.py:3", hint="do it"), as_json=True)
    shown = capsys.readouterr()
    told = {"sentence": "It is wrong.", "place": "a.py:3", "hint": "do it", "exit_code": 2}
    assert (json.loads(shown.out), shown.err) == ({"error": told}, "")


def test_a_terminal_sees_that_work_goes_on_and_a_pipe_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "EVERY", 0.05)
    with console.working("compare"):
        console.doing("TensorFlow")
        time.sleep(0.4)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert 1 < len(shown.err.splitlines()) < 9
    assert set(shown.err.splitlines()) == {"still at compare: TensorFlow, 0 s"}
    with console.speaking(console.Voice(quiet=True)), console.working("compare"):
        time.sleep(0.2)
    assert capsys.readouterr() == ("", "")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with console.working("compare"):
        console.doing("TensorFlow")
        assert list(console.progress([1, 2], "verify", 2)) == [1, 2]
    assert "compare" in terminal.getvalue()


def test_what_ends_soon_needs_no_word(capsys: pytest.CaptureFixture[str]) -> None:
    with console.working("compare"):
        console.doing("TensorFlow")
    assert capsys.readouterr() == ("", "")
