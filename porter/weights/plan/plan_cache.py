"""Plans kept between runs: the next conversion of the same architecture needs no TensorFlow to know all names."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from porter.base import console
from porter.base.errors import UsageError
from porter.base.reading import read_text
from porter.port.load import PortSource
from porter.runtime.stored.tensor_source import Checkpoint
from porter.weights.plan.plan import Plan, check_duplicates

PACKAGE = Path(__file__).parents[2]


def place_of(port: PortSource, folder: Path, checkpoint: Checkpoint) -> Path:
    """Where the plan for a class and a checkpoint is kept.

    Its name depends on all that the plan depends on: the code of the port and of porter, the configuration, and what
    the checkpoint's tensors are called and look like.
    """
    digest = hashlib.sha256(port.class_name.encode())
    for file in _code(port):
        digest.update(file.read_bytes())
    digest.update((folder / "config.json").read_bytes())
    tensors = sorted((name, info.shape, info.dtype) for name, info in checkpoint.tensors.items())
    digest.update(repr(tensors).encode())
    digest.update(f"{version('transformers')} {version('keras')}".encode())
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "porter" / "plans" / f"{digest.hexdigest()}.json"


def _code(port: PortSource) -> Iterator[Path]:
    yield port.file
    yield from sorted(file for file in port.file.parent.glob("*_*.py") if file.name.startswith(("modeling", "config")))
    yield from sorted((PACKAGE / "runtime").rglob("*.py"))
    yield from sorted((PACKAGE / "weights").rglob("*.py"))


def kept_plan(place: Path, checkpoint: Checkpoint) -> Plan | None:
    """The plan that was kept; None if there is none, it was changed, or the checkpoint's numbers contradict it."""
    try:
        digest, _, text = read_text(place).partition("\n")
        if digest != _digest(text):
            return None  # it is made anew
        plan = Plan.from_json(json.loads(text))
        check_duplicates(plan, plan.view(checkpoint))
    except (ValueError, LookupError, TypeError, UsageError):  # of another version
        return None
    return plan


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def keep_plan(place: Path, plan: Plan) -> None:
    """Keep a plan for later; where that is impossible, it is said and nothing else happens."""
    beside = place.with_suffix(f".{os.getpid()}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(plan.to_json())
        beside.write_text(f"{_digest(text)}\n{text}", encoding="utf-8")
        beside.replace(place)
    except OSError as error:
        console.say(f"The plan is not kept for the next run: {error.strerror}.")
