"""Many models by one command: each has its turn, the outcome is kept, and a later run goes on."""

import json
from pathlib import Path

import pytest

from porter.base.errors import LeftOver, UsageError
from porter.base.many import Many, show


@pytest.fixture
def names(tmp_path: Path) -> Path:
    file = tmp_path / "names.txt"
    file.write_text("# those we use\nbert\n\ngpt2  # small\nbert\nbroken\ncrash\n")
    return file


def many(names: Path, **settings: str) -> Many:
    return Many(names, settings)


class Worker:
    def __init__(self) -> None:
        self.done: list[str] = []

    def __call__(self, name: str) -> bool:
        self.done.append(name)
        if name == "broken":
            raise UsageError("There is no such thing.", place="x")
        if name == "crash":
            raise ZeroDivisionError
        return name == "bert"


def test_each_name_is_done_once_whatever_happens_to_another(names: Path) -> None:
    worker = Worker()
    outcomes = many(names).run(worker)
    assert worker.done == ["bert", "gpt2", "broken", "crash"]
    assert [outcome.exit_code for outcome in outcomes] == [0, 1, 2, 70]
    assert outcomes[2].sentence == "x  There is no such thing."


def test_what_is_finished_is_not_done_again_and_what_failed_is(names: Path) -> None:
    many(names).run(Worker())
    worker = Worker()
    outcomes = many(names).run(worker)
    assert worker.done == ["broken", "crash"]
    assert [outcome.exit_code for outcome in outcomes] == [0, 1, 2, 70]


def test_other_settings_are_other_work(names: Path) -> None:
    many(names).run(Worker())
    worker = Worker()
    many(names, output="elsewhere").run(worker)
    assert len(worker.done) == 4


def test_a_run_that_is_broken_off_goes_on_where_it_stopped(names: Path) -> None:
    def stops(name: str) -> bool:
        if name == "gpt2":
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        many(names).run(stops)
    worker = Worker()
    many(names).run(worker)
    assert worker.done == ["gpt2", "broken", "crash"]


def test_a_record_that_cannot_be_read_counts_as_none(names: Path) -> None:
    many(names).record.write_text('{"results": 7')
    assert many(names).known() == {}


def test_the_summary_and_the_exit_code(names: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = many(names).run(Worker())
    assert show(outcomes, as_json=False) == 70
    assert "1 of 4 match PyTorch." in capsys.readouterr().out
    assert show(outcomes[:2], as_json=True) == 1
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)["results"]] == ["bert", "gpt2"]


@pytest.mark.parametrize("content", ["", "# nothing\n"])
def test_a_file_that_names_nothing_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "names.txt").write_text(content)
    with pytest.raises(UsageError, match="names no model"):
        many(tmp_path / "names.txt").read()


def test_a_difference_is_not_a_failure(names: Path) -> None:
    def differs(name: str) -> bool:
        raise LeftOver("TensorFlow differs from PyTorch.")

    assert {outcome.exit_code for outcome in many(names).run(differs)} == {1}
