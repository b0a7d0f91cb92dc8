"""A written file in a process of its own, which has the framework: no porter, no transformers, no model's code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from porter.base.errors import LeftOver
from porter.base.scratch import scratch_folder
from porter.subject.inputs.arrays import Array

BLOCKED = ("porter", "transformers")
CLOSE = 1e-4
PROLOGUE = """
import os, sys
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
import numpy
for name in {blocked!r}:
    sys.modules[name] = None
path, given, made = sys.argv[1:]
with numpy.load(given) as stored:
    arrays = {{name: stored[name] for name in stored.files}}
"""


def check_alone(file: Path, code: str, inputs: Mapping[str, Array], expected: Mapping[str, Any]) -> None:
    """Run a file where only its framework is installed, and compare what it gives.

    Args:
        file: what was written.
        code: Python that makes a dictionary `found` of arrays out of `path` and the dictionary `arrays`.
        inputs: the arrays.
        expected: what PyTorch gives, by name.

    Raises:
        LeftOver: it cannot be loaded there, or gives something else.
    """
    with scratch_folder() as scratch:
        given, made = scratch / "given.npz", scratch / "made.npz"
        np.savez(given, allow_pickle=False, **inputs)
        program = f"{PROLOGUE.format(blocked=BLOCKED)}{code}\nnumpy.savez(made, **found)\n"
        command = [sys.executable, "-I", "-c", program, str(file), str(given), str(made)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason is given"])[-1]
            raise LeftOver(f"{file.name} cannot be run where transformers is not installed: {reason}")
        with np.load(made) as found:
            for name, wanted in expected.items():
                scale = max(1.0, float(np.abs(wanted).max()))
                if name not in found.files or not np.allclose(found[name], wanted, rtol=0, atol=CLOSE * scale):
                    raise LeftOver(f"{file.name} gives another {name} in a process of its own.")
