"""The frameworks stay quiet, and say what is wrong when they cannot be imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from porter.base.quiet import quiet_frameworks

QUIET = "from porter.base.quiet import quiet_frameworks; quiet_frameworks(); import tensorflow"


def stderr_of(code: str, **environment: str) -> str:
    call = [sys.executable, "-c", code]
    return subprocess.run(call, env={**os.environ, **environment}, capture_output=True, text=True, check=False).stderr


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    monkeypatch.delenv("TRANSFORMERS_VERBOSITY", raising=False)
    quiet_frameworks()
    assert (os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["TRANSFORMERS_VERBOSITY"]) == ("0", "error")


def test_importing_tensorflow_says_nothing() -> None:
    assert stderr_of(QUIET) == ""


def test_looking_for_tensorflow_beforehand_changes_nothing() -> None:
    asked = QUIET.replace("import tensorflow", "import importlib.util; importlib.util.find_spec('tensorflow')")
    assert stderr_of(f"{asked}; import tensorflow") == ""


def test_stderr_is_back_after_the_import() -> None:
    assert stderr_of(f"{QUIET}; import os; os.write(2, b'heard')") == "heard"


def test_a_broken_tensorflow_is_heard(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text("import os\nos.write(2, b'native reason')\nraise ImportError('broken')\n")
    shown = stderr_of(QUIET, PYTHONPATH=str(tmp_path))
    assert "native reason" in shown
    assert "ImportError: broken" in shown


@pytest.mark.parametrize(("problem", "heard"), [("ValueError('x')", True), ("UsageError('x')", False)])
def test_what_native_code_says_is_dropped_where_a_sentence_says_it(problem: str, heard: bool) -> None:
    shown = stderr_of(
        "import os; from porter.base.errors import UsageError; from porter.base.quiet import native_stderr_held_back\n"
        f"with native_stderr_held_back():\n    os.write(2, b'native reason')\n    raise {problem}"
    )
    assert ("native reason" in shown) is heard
