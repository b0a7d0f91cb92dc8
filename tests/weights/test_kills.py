"""SIGKILL at random moments of a conversion: the output is absent or whole, and the next run finishes the work."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from porter.runtime.stored.checkpoint import open_checkpoint
from porter.runtime.stored.layouts import Layout
from porter.runtime.stored.pairing import Target, pair
from porter.weights.plan.plan import Plan
from porter.weights.report.conversion_report import read_report

ROOT = Path(__file__).parents[2]
# More of them: PORTER_KILLS=200 python -m pytest tests/weights/test_kills.py
KILLS = int(os.environ.get("PORTER_KILLS", "10"))
TENSORS = 40
SCRIPT = """
import json, sys
from pathlib import Path
from porter.runtime.stored.checkpoint import open_checkpoint
from porter.weights.convert.convert import convert
from porter.weights.options import Target
from porter.weights.convert.output_folder import whole_folder
from porter.weights.plan.plan import Plan
from porter.weights.report.conversion_report import hashes, write_report
source = Path(sys.argv[1])
plan = Plan.from_json(json.loads((source / "plan.json").read_text()))
print("ready", flush=True)
with whole_folder(Path(sys.argv[2])) as folder, open_checkpoint(source / "model.safetensors") as checkpoint:
    convert(plan, checkpoint, folder, Target("h5", None, 3_000_000))
    said = {"schema": 1, "class": "TFM", "source": "m", "max_error": 1e-5, "seed": 0}
    empty = {"differences": {}, "trials": [], "unused": [], "versions": {}}
    write_report(folder, {**said, **empty, "files": hashes(folder)})
print("done", flush=True)
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    draw = np.random.default_rng(0)
    tensors = {f"layer.{n}.weight": draw.normal(size=(300, 400)).astype(np.float32) for n in range(TENSORS)}
    safetensors.numpy.save_file(tensors, folder / "model.safetensors")
    layout = Layout.parse("kernel: o i -> i o")
    targets = {name: Target(name.replace(".weight", "/kernel"), (400, 300), "float32", layout) for name in tensors}
    with open_checkpoint(folder) as checkpoint:
        plan = Plan("TFM", "m", pair(checkpoint.tensors, targets, "", {}), checkpoint.tensors)
    (folder / "plan.json").write_text(json.dumps(plan.to_json()))
    return folder


def started(source, output):
    command = [sys.executable, "-c", SCRIPT, str(source), str(output)]
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    run.stdout.readline()
    return run


def finished(source, output):
    """Seconds that the work took, without the start and the end of the process."""
    run = started(source, output)
    with run.stdout:
        began = time.monotonic()
        assert run.stdout.readline() == b"done\n"
        seconds = time.monotonic() - began
        assert run.wait() == 0
    return seconds


def test_killed_at_any_moment(source, tmp_path):
    whole = min(finished(source, tmp_path / name) for name in ("reference", "again", "once more"))
    expected = read_report(tmp_path / "reference")["files"]
    draw = np.random.default_rng(1)
    seen = {"absent": 0, "whole": 0}
    for number in range(KILLS):
        output = tmp_path / f"out{number}"
        run = started(source, output)
        time.sleep(draw.uniform(0, 1.1 * whole))
        with run.stdout:
            run.send_signal(signal.SIGKILL)
            run.wait()
        seen["whole" if output.exists() else "absent"] += 1
        if not output.exists():
            whole = min(whole, finished(source, output))  # the machine may have been busy before
        assert read_report(output)["files"] == expected
        assert [path for path in tmp_path.iterdir() if path.name.startswith(f".out{number}.")] == []
    assert seen["absent"] > KILLS / 4
