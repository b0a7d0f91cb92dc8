"""The command line: help, exit codes, errors in one sentence, JSON."""

import contextlib
import errno
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from porter import __version__
from porter.base.errors import Defect, LeftOver, NotInstalled, PorterError, Terminated, UsageError
from porter.base.guard import as_porter_error, guarded
from porter.cli import app

COMMANDS = sorted(command.name or "" for command in app.registered_commands)
EXAMPLE = Path(__file__).parents[1] / "examples" / "brand_new_bert" / "modeling_brand_new_bert.py"
run = CliRunner().invoke


def fails_with(problem: BaseException) -> typer.Typer:
    def command() -> None:
        raise problem

    failing = typer.Typer()
    failing.command()(guarded(command))
    return failing


def test_the_four_commands_are_there() -> None:
    assert {"scaffold", "diff", "pt-to-tf", "rules"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_it_does_and_shows_examples(command: str) -> None:
    shown = run(app, [command, "--help"])
    assert shown.exit_code == 0
    assert "Examples:\n" in shown.output
    assert f"    porter {command}" in shown.output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command: str) -> None:
    lines = run(app, [command, "--help"], terminal_width=300).output.splitlines()
    # A long option has its explanation on the next line.
    joined = [line if "  " in line.strip() else line + below for line, below in pairwise(lines)]
    options = [line.split("  ") for line in joined if line.startswith("  --")]
    assert options
    assert [parts for parts in options if not parts[-1].strip() or parts[-1].strip().startswith("--")] == []


def test_help_is_quick() -> None:
    quickest = min(_seconds_of([sys.executable, "-m", "porter", "--help"]) for _ in range(3))
    assert quickest < 0.5


def _seconds_of(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def test_version() -> None:
    assert run(app, ["--version"]).output == f"porter {__version__}\n"


def test_unknown_option_exits_with_2() -> None:
    assert run(app, ["rules", "--nonsense"]).exit_code == 2


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (UsageError("No."), 2),
        (LeftOver("One line was left."), 1),
        (NotInstalled("torch is not installed."), 3),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 3),
        (FileNotFoundError(2, "No such file or directory", "model.safetensors"), 2),
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
        (MemoryError(), 2),
        (UnicodeEncodeError("utf-8", "a\ud800", 1, 2, "surrogates not allowed"), 2),
        (OSError(errno.ENOSPC, "No space left on device"), 2),
    ],
)
def test_a_failure_is_a_sentence_and_a_code(problem: BaseException, code: int) -> None:
    shown = run(fails_with(problem), [])
    assert shown.exit_code == code
    assert shown.stdout == ""
    assert "Traceback" not in shown.stderr
    assert shown.stderr.splitlines()[0].endswith(".")


def test_place_and_hint_are_shown() -> None:
    shown = run(fails_with(UsageError("It has no rule.", place="a.py:3", hint="porter rules --stub torch.x")), [])
    assert shown.stderr == "error: a.py:3  It has no rule.\n  hint: porter rules --stub torch.x\n"


def test_debugging_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTER_DEBUG", "1")
    assert isinstance(run(fails_with(UsageError("No.")), []).exception, UsageError)


def test_a_defect_is_one_sentence_and_a_file_with_the_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["porter", "pt-to-tf", "--token", "sesame"])
    shown = run(fails_with(ZeroDivisionError("of hf_abcdef\nand more")), [])
    (log,) = (tmp_path / "porter" / "defects").iterdir()
    assert shown.exit_code == 70
    assert shown.stdout == ""
    assert shown.stderr == (
        "error: porter met something that it does not foresee: ZeroDivisionError: of ***.\n"
        f"  hint: report it with {log}, which holds the traceback\n"
    )
    text = log.read_text()
    assert "Traceback" in text
    assert f"porter {__version__}" in text
    assert "hf_abcdef" not in text
    assert "sesame" not in text
    assert log.stat().st_mode & 0o077 == 0


def test_a_module_of_porter_that_is_not_there_is_a_defect() -> None:
    assert isinstance(as_porter_error(ModuleNotFoundError("No module", name="porter.oops")), Defect)


def test_packages_that_do_not_fit_each_other_are_not_called_missing() -> None:
    problem = as_porter_error(ImportError("huggingface-hub>=1.0 is required, but found 0.3."))
    assert isinstance(problem, NotInstalled)
    assert str(problem) == "A package does not fit the others: huggingface-hub>=1.0 is required, but found 0.3."
    assert "pip install --upgrade" in problem.hint


@pytest.fixture
def default_signals() -> Iterator[None]:
    """Signals as a terminal has them: under `nohup`, SIGHUP is ignored."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Panic(BaseException):
    """What native code raises that gave up."""


def test_what_is_no_exception_ends_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert run(fails_with(Panic("gone")), []).exit_code == 70
    shown = run(fails_with(SystemExit(7)), [])
    assert shown.exit_code == 2
    assert "Code of the model ended the program: sys.exit(7)." in shown.stderr


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_end_is_treated_as_an_interruption(signal_number: signal.Signals) -> None:
    tidied: list[bool] = []

    def command() -> None:
        try:
            signal.raise_signal(signal_number)
        finally:
            tidied.append(True)

    failing = typer.Typer()
    failing.command()(guarded(command))
    shown = run(failing, [])
    assert (shown.exit_code, tidied) == (143, [True])
    assert shown.stderr == "interrupted: nothing half-written was left.\n"
    assert signal.getsignal(signal_number) is signal.SIG_DFL


def test_a_command_that_says_it_was_interrupted_says_by_what() -> None:
    def command() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        raise typer.Exit(130)

    failing = typer.Typer()
    failing.command()(guarded(command))
    assert run(failing, []).exit_code == 143


def test_secrets_are_not_shown() -> None:
    shown = run(fails_with(UsageError("https://me:hf_secret@hub/x is not a folder.")), [])
    assert shown.stderr == "error: https://***@hub/x is not a folder.\n"


def test_what_the_terminal_cannot_show_is_escaped(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "porter", "rules", "--missing", "ü.py"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_exit_codes_stay_what_they_are() -> None:
    codes = {error.__name__: error.exit_code for error in (PorterError, UsageError, LeftOver, NotInstalled, Defect)}
    assert codes == {"PorterError": 2, "UsageError": 2, "LeftOver": 1, "NotInstalled": 3, "Defect": 70}


MISSPELT = [sys.executable, "-m", "porter", "rules", "torch.tranpose"]


@pytest.mark.parametrize(("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_a_real_terminal_shows_colours_unless_told_not_to(more: dict[str, str], coloured: bool) -> None:
    outer, inner = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    subprocess.run(MISSPELT, check=False, stderr=inner, env={**environment, "TERM": "xterm", **more})
    os.close(inner)
    with os.fdopen(outer, "rb", buffering=0) as terminal:
        shown = terminal.read(4000)
    assert b"torch.tranpose has no rule" in shown
    assert (b"\x1b[31merror:" in shown) is coloured
    assert (b"\x1b" in shown) is coloured


def test_a_pipe_shows_no_colours() -> None:
    assert "\x1b" not in subprocess.run(MISSPELT, check=False, capture_output=True, text=True).stderr


def test_a_shell_learns_the_commands_under_the_name_that_users_type(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "porter"]
    # Typer looks for the shell among the parents of the process, which make and a forge's runner have none of.
    own = {**os.environ, "HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    subprocess.run([*command, "--install-completion", "bash"], check=True, capture_output=True, env=own)
    assert "_PORTER_COMPLETE=complete_bash" in (tmp_path / ".bash_completions" / "porter.sh").read_text()
    asked = {"_PORTER_COMPLETE": "complete_bash", "COMP_WORDS": "porter di", "COMP_CWORD": "1"}
    found = subprocess.run(command, check=False, capture_output=True, text=True, env={**own, **asked})
    assert found.stdout.split() == ["diff"]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_has_a_short_form(command: str) -> None:
    words = [command] if command else []
    assert run(app, [*words, "-h"]).output == run(app, [*words, "--help"]).output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_the_common_options(command: str) -> None:
    shown = run(app, [command, "--help"], terminal_width=300).output
    assert [option for option in ("--json", "--quiet", "--verbose", "--help") if option not in shown] == []


def test_where_nothing_can_be_written_at_all_there_is_still_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("tempfile.gettempdir", none)
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null/no")
    told = as_porter_error(ValueError("odd"))
    assert (told.exit_code, told.hint) == (70, "PORTER_DEBUG=1 shows the traceback")
    with pytest.raises(FileNotFoundError) as met:
        none()
    told = as_porter_error(met.value)
    assert (told.exit_code, "TMPDIR" in told.hint) == (2, True)


def test_links_in_a_circle_are_the_users_matter(tmp_path: Path) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.raises((RuntimeError, OSError)) as met:
        circle.resolve(strict=True)
    told = as_porter_error(met.value)
    assert (told.exit_code, told.place) == (2, str(circle))


def test_rules_by_name() -> None:
    shown = run(app, ["rules", "torch.Tensor.transpose"])
    assert shown.exit_code == 0
    assert "x.transpose(1, 2)  ->  tf.transpose(x, perm=[0, 2, 1])" in shown.output


def test_rules_by_the_end_of_a_name() -> None:
    assert run(app, ["rules", "Tensor.transpose"]).output == run(app, ["rules", "torch.transpose"]).output


def test_rules_as_json() -> None:
    data = json.loads(run(app, ["rules", "torch.transpose", "--json"]).stdout)
    assert data["schema"] == 1
    assert data["cases"]["x.transpose(1, 2)"] == "tf.transpose(x, perm=[0, 2, 1])"


def test_rules_for_a_misspelt_name_suggest_the_right_one() -> None:
    shown = run(app, ["rules", "torch.tranpose"])
    assert shown.exit_code == 2
    assert "hint: porter rules torch.transpose" in shown.stderr


def test_rules_missing(tmp_path: Path) -> None:
    file = tmp_path / "modeling_x.py"
    file.write_text("import torch\n\n\ndef f(x):\n    return torch.frobenius_thing(x.transpose(0, 1)).geqrf()\n")
    shown = run(app, ["rules", "--missing", str(file), "--json"])
    assert shown.exit_code == 1
    missing = {entry["name"]: entry["lines"] for entry in json.loads(shown.stdout)["missing"]}
    assert missing == {"torch.frobenius_thing": [5], "torch.Tensor.geqrf": [5]}


def test_rules_missing_nothing_in_the_example() -> None:
    shown = run(app, ["rules", "--missing", str(EXAMPLE)])
    assert (shown.exit_code, shown.stdout) == (0, "Every torch name has a rule.\n")


def test_rules_missing_of_what_is_no_python(tmp_path: Path) -> None:
    file = tmp_path / "modeling_x.py"
    file.write_text("def (")
    shown = run(app, ["rules", "--missing", str(file)])
    assert shown.exit_code == 2
    assert "This is not a Python file" in shown.stderr


def test_a_stub_is_python_with_torchs_own_parameters() -> None:
    shown = run(app, ["rules", "--stub", "torch.Tensor.scatter_"])
    compile(shown.stdout, "stub", "exec")
    assert '"torch.Tensor.scatter_(input, dim, index, src, *, reduce=None)"' in shown.stdout
    assert "x.scatter_(dim, index, src)" in shown.stdout


def test_a_stub_for_what_torch_does_not_have() -> None:
    assert run(app, ["rules", "--stub", "torch.nothing_of_the_kind"]).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["export", "onnx", "--model", "m", "out", "--feature", ""], "--feature"),
        (["export", " ", "--model", "m", "out"], "FORMAT"),
        (["diff", "--model", ""], "--model"),
    ],
)
def test_an_empty_text_is_refused(arguments: list[str], named: str) -> None:
    shown = run(app, arguments)
    assert shown.exit_code == 2, shown.output
    assert shown.stderr.startswith(f"error: {named} is empty.")


@pytest.mark.parametrize(
    "arguments",
    [
        ["scaffold", "no_such_model"],
        ["scaffold", "bert", "--target", "mars"],
        ["scaffold", "bert", "--sample", "no/such/file.json"],
        ["scaffold", "bert", "--class", "NoSuchClass"],
        ["rules", "torch.sum", "--stub", "torch.sum"],
        ["rules", "--missing", "no/such/file.py"],
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = run(app, arguments)
    assert shown.exit_code == 2, shown.output
    assert len([line for line in shown.stderr.splitlines() if line.startswith("error: ")]) == 1
    assert list(tmp_path.iterdir()) == []
