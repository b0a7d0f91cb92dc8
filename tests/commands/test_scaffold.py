"""`porter scaffold`: what it prints and how it ends, whatever the chain found."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from porter.cli import app
from porter.port.chain import Options
from tests.port.results import IDLE, NOTE, entry, report, result


class Done:
    """What the chain hands back."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data, self.written = data, (Path("modeling_tf_x.py"),)

    def to_json(self) -> dict[str, Any]:
        return self.data


@pytest.fixture
def finished(monkeypatch: pytest.MonkeyPatch):
    def use(data: dict[str, Any]) -> None:
        monkeypatch.setattr("porter.port.chain.run", lambda options: Done(data))

    return use


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (report(entry()), 0),
        (report(entry(), notes=({**NOTE, "level": "assumed"},)), 0),
        (report(entry(), notes=(NOTE,)), 1),
        (report(entry(), entry("TFY", 0.3, ok=False)), 1),
        (report(entry(eager=None, ok=False)), 1),
        (report(entry(missing=["a.weight"])), 1),
        (report(), 1),
        (report(result(nothing=("logits of PyTorch is constant",))), 1),
        (report(result(coverage=IDLE)), 1),
    ],
    ids=["all match", "assumed", "left", "differs", "crashed", "weight missing", "nothing proven", "constant", "idle"],
)
def test_the_exit_code_tells_whether_all_is_proven(finished, data: dict[str, Any], code: int) -> None:
    finished(data)
    assert CliRunner().invoke(app, ["scaffold", "x"]).exit_code == code


def test_without_verification_only_lines_left_count(finished) -> None:
    finished(report())
    assert CliRunner().invoke(app, ["scaffold", "x", "--no-verify"]).exit_code == 0


def test_the_report_is_what_json_prints(finished, tmp_path: Path) -> None:
    data = report(entry(), notes=(NOTE,))
    finished(data)
    file = tmp_path / "deep" / "report.json"
    shown = CliRunner().invoke(app, ["scaffold", "x", "--json", "--report", str(file)])
    assert json.loads(shown.stdout) == data
    assert json.loads(file.read_text()) == data


def test_a_tree_of_transformers_4_is_written_where_it_is_installed(tmp_path: Path) -> None:
    arguments = ["scaffold", "bert", "--target", "transformers4", "--output", str(tmp_path)]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 2 and "needs transformers 4.57" in " ".join(shown.output.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tree", "."], "--tree is for --target transformers4"),
        (["--dry-run"], "--dry-run and --undo are about a tree"),
        (["--tree", ".", "--target", "transformers4", "--undo"], "not a git checkout"),
    ],
)
def test_options_about_a_tree_go_together(
    options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(app, ["scaffold", "bert", *options])
    assert shown.exit_code == 2 and said in " ".join(shown.output.split())
    assert not list(tmp_path.iterdir())


def test_force_and_merge_exclude_each_other() -> None:
    shown = CliRunner().invoke(app, ["scaffold", "x", "--force", "--merge"])
    assert shown.exit_code == 2
    assert "--force and --merge exclude each other." in shown.stderr


def test_a_run_that_fails_leaves_no_folder_and_one_that_waits_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(options: Options) -> None:
        assert options.output.is_dir()
        second = CliRunner().invoke(app, ["scaffold", "bert", "--output", str(options.output)])
        assert second.exit_code == 2 and "Another run is writing into" in second.stderr
        raise OSError(28, "No space left on device", "modeling_tf_bert.py")

    monkeypatch.setattr("porter.port.chain.run", fails)
    done = CliRunner().invoke(app, ["scaffold", "bert", "--output", str(tmp_path / "a" / "b")])
    assert done.exit_code == 2 and "No space left" in done.stderr
    assert list(tmp_path.iterdir()) == []
