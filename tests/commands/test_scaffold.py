"""`porter scaffold`: what it prints and how it ends, whatever the chain found."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from porter.cli import app
from porter.commands.scaffold import summary
from porter.port.chain import Options
from porter.port.class_result import LOADING, ClassResult, Side
from porter.port.coverage import Coverage

FULL: dict[str, tuple[str, ...]] = dict.fromkeys(LOADING, ())
IDLE = Coverage(1, 2, (), ("input_ids",), {"pixel_values": "modeling_tf_x.py:3"})
NOTE = {"level": "left", "file": "modeling_x.py", "line": 7, "message": "torch.f has no rule.", "hint": "porter rules"}


def entry(name: str = "TFX", eager: float | None = 2e-7, ok: bool = True, **weights: list[str]) -> dict[str, Any]:
    side = Side(ok, eager, "" if ok else "logits differs.")
    return result(name, eager=side, graph=side, weights={**FULL, **{kind: tuple(n) for kind, n in weights.items()}})


def result(name: str = "TFX", **fields: Any) -> dict[str, Any]:
    good = {"eager": Side(True, 2e-7), "graph": Side(True, 2e-7), "weights": FULL}
    return ClassResult(name, **{**good, **fields}).to_json()


def report(*classes: dict[str, Any], notes: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    seconds = {"trace": 1.5, "verify": 2.0}
    return {"schema": 1, "classes": list(classes), "not_compared": [], "notes": list(notes), "seconds": seconds}


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


def test_the_summary_says_what_share_is_proven_and_what_is_wrong() -> None:
    data = report(entry(), entry("TFY", None, ok=False, missing=["a", "b"]), notes=(NOTE,))
    lines = summary(data, ["modeling_tf_x.py"]).splitlines()
    assert "1 of 2 classes match PyTorch." in lines
    assert next(line.split() for line in lines if line.startswith("TFY")) == [
        "TFY",
        "FAILED",
        "FAILED",
        "2",
        "missing",
    ]
    assert "TFY  logits differs." in lines
    assert "TFY  missing: a, b" in lines
    assert "modeling_x.py:7  left: torch.f has no rule." in lines
    assert "  hint: porter rules" in lines
    assert lines[-1] == "wrote modeling_tf_x.py  (3.5 s)"


def test_a_class_that_is_not_compared_does_not_match() -> None:
    data = report(entry(), result("TFY", comparable=False))
    lines = summary(data, ["modeling_tf_x.py"]).splitlines()
    assert next(line.split() for line in lines if line.startswith("TFY"))[1:3] == ["ran", "ran"]
    assert (
        "1 of 2 classes match PyTorch. 1 only ran: the sample says that PyTorch's numbers are not comparable." in lines
    )


def test_the_points_of_a_guide_are_counted_and_what_is_wrong_is_named() -> None:
    points = {"training passed down": "", "input formats": ""}
    data = report(result("TFX", guide=points), result("TFY", guide={**points, "input formats": "by list: TypeError"}))
    text = summary(data, ["modeling_tf_x.py"])
    assert "training passed down  2 of 2" in text and "input formats         1 of 2" in text
    assert "TFY  input formats: by list: TypeError" in text.splitlines()
    assert "1 of 2 classes match PyTorch." in text
    assert "guide" not in entry()


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


def test_a_dry_run_has_written_nothing() -> None:
    assert "nothing was written" in summary(report(entry("X")), [])


def test_the_table_names_what_was_written_and_not_compared() -> None:
    data = {**report(entry("X")), "not_compared": ["Y", "Z"]}
    lines = summary(data, ["modeling_tf_x.py"]).splitlines()
    assert [line.split()[0] for line in lines if line.rstrip().endswith("not compared")] == ["Y", "Z"]
    assert "1 of 1 compared classes match PyTorch. 2 more were written and not compared." in lines


def test_what_a_class_is_not_proven_for_is_said_below_the_table() -> None:
    constant = result("Y", nothing=("logits of PyTorch is constant",))
    lines = summary(report(result("X", coverage=IDLE), constant), ["modeling_tf_x.py"]).splitlines()
    expected = "X  is proven for input_ids, and not more. Never given: pixel_values (modeling_tf_x.py:3 did not run)."
    assert expected in lines
    assert "Y  logits of PyTorch is constant: agreeing on it proves nothing." in lines
    assert "0 of 2 classes match PyTorch." in lines
    assert next(line for line in lines if line.startswith("X ")).split()[-1] == "50%"


def test_a_class_that_differs_has_its_lines_below() -> None:
    trace = ("proj differs by itself, on PyTorch's own inputs", "TensorFlow modeling_tf_x.py:3")
    side = Side(False, 0.1, "logits differs.")
    lines = summary(report(result(eager=side, trace=trace)), ["modeling_tf_x.py"]).splitlines()
    at = lines.index("TFX  logits differs.")
    assert [line for line in lines[at + 1 :] if line][:2] == [f"  {line}" for line in trace]


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
