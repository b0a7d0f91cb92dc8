"""What is printed, and where."""

import json
import math

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
