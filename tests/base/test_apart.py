"""PyTorch's compiler is loaded before TensorFlow or not at all; stand-ins say in which order they were imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

QUIET = "from porter.base.quiet import quiet_frameworks; quiet_frameworks()"
TOLD = "import sys; print(__name__, file=sys.__stdout__)"


@pytest.mark.parametrize(
    ("code", "order"),
    [
        ("import porter, tensorflow, triton", ["triton", "tensorflow"]),
        (f"{QUIET}; import tensorflow, triton", ["triton", "tensorflow"]),
        ("import triton, porter, tensorflow", ["triton", "tensorflow"]),
        ("import tensorflow, porter; import triton", ["tensorflow"]),
        ("import tensorflow, porter; import importlib.util; assert importlib.util.find_spec('triton') is None", None),
    ],
)
def test_triton_comes_first_or_not_at_all(tmp_path: Path, code: str, order: list[str] | None) -> None:
    for name in ("triton", "tensorflow"):
        (tmp_path / f"{name}.py").write_text(TOLD)
    shown = run(tmp_path, code)
    assert shown.stdout.split() == (order or ["tensorflow"])
    assert ("ModuleNotFoundError" in shown.stderr) == (order == ["tensorflow"])


def test_where_there_is_none_nothing_happens(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text(TOLD)
    assert run(tmp_path, "import porter, tensorflow").stdout.split() == ["tensorflow"]


def run(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
