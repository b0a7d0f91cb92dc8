"""What share of a corpus' classes exports, per format, and how fast five models answer in each.

`python benchmarks/exports.py CORPUS.json [--formats onnx,torchscript] [--limit 20]` takes the base class of each case
(the corpus of `ports.py`), saves it with strong weights and runs `porter export` in a process of its own, ten minutes
at most. Prints the shares and counts the reasons of the rest; `--out FILE` keeps a line a case and goes on where it
stopped.

`python benchmarks/exports.py --latency FOLDER` measures one checkpoint: PyTorch, TorchScript, onnxruntime (plain,
fused, int8), TensorFlow's graph and TFLite, their runs taken in turn.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

FORMATS = ("onnx", "torchscript", "saved-model", "tflite")
SECONDS = 600
RUNS, WARM_UP = 20, 3


def main(arguments: list[str]) -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--latency", type=Path, default=None)
    parser.add_argument("--save", nargs=2, default=None, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.save is not None:
        save(json.loads(Path(given.save[0]).read_text()), given.save[1])
        return
    if given.latency is not None:
        show_latency(given.latency)
        return
    results = list(measured(given.corpus, given.formats.split(","), given.limit, given.out))
    show_shares(results)


def measured(corpus: Path, formats: list[str], limit: int | None, out: Path | None) -> Iterator[dict[str, Any]]:
    """One result a case and format; those that an earlier run kept are read."""
    kept = [json.loads(line) for line in out.read_text().splitlines()] if out is not None and out.exists() else []
    done = {(result["case"], result["format"]) for result in kept}
    yield from kept
    cases = json.loads(corpus.read_text())["cases"]
    for case in sorted(cases, key=lambda case: hashlib.sha256(case["id"].encode()).hexdigest())[:limit]:
        waiting = [name for name in formats if (case["id"], name) not in done]
        if not waiting:
            continue
        with tempfile.TemporaryDirectory() as place:
            saved = save_checkpoint(case, Path(place) / "checkpoint")
            for name in waiting:
                result = {"case": case["id"], "format": name, **exported(saved, Path(place), name)}
                if out is not None:
                    with out.open("a") as file:
                        file.write(json.dumps(result) + "\n")
                yield result


def save_checkpoint(case: dict[str, Any], folder: Path) -> Path | str:
    """The case's base class with strong weights; the reason where PyTorch does not make it."""
    file = folder.with_suffix(".json")
    file.write_text(json.dumps(case))
    command = [sys.executable, __file__, "--save", str(file), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return folder if done.returncode == 0 else (done.stderr.strip().splitlines() or ["unknown"])[-1]


def save(case: dict[str, Any], folder: str) -> None:
    """Build the first class of a case and save it."""
    import importlib

    import torch

    from porter.base.quiet import quiet_frameworks
    from porter.subject.strong_weights import strengthen

    quiet_frameworks()
    torch.manual_seed(0)
    config = getattr(importlib.import_module(case["config_module"]), case["config_class"])(**case["config"])
    first = case["models"][0]
    model = getattr(importlib.import_module(first["module"]), first["name"])(config).eval()
    strengthen(model)
    model.save_pretrained(folder)


def exported(saved: Path | str, place: Path, name: str) -> dict[str, Any]:
    """Whether the export matches, else the sentence."""
    if isinstance(saved, str):
        return {"ok": False, "reason": f"not saved: {saved}"}
    started = time.perf_counter()
    command = [sys.executable, "-m", "porter", "export", name, "--model", str(saved), str(place / name)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return {"ok": False, "reason": f"more than {SECONDS} s"}
    said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    reason = said[0].removeprefix("error: ") if said else f"exit code {done.returncode}"
    seconds = round(time.perf_counter() - started, 1)
    return {"ok": done.returncode == 0, "reason": "" if done.returncode == 0 else reason, "seconds": seconds}


def show_shares(results: list[dict[str, Any]]) -> None:
    """A table of shares, and the reasons of the rest."""
    print("| Format | Exports and matches |\n| --- | --- |")
    for name in dict.fromkeys(result["format"] for result in results):
        own = [result for result in results if result["format"] == name]
        good = sum(result["ok"] for result in own)
        print(f"| {name} | {good} of {len(own)} ({good / len(own):.0%}) |")
    print("\n| Format | Reason | Cases | Such as |\n| --- | --- | --- | --- |")
    reasons = Counter((result["format"], kind(result["reason"])) for result in results if not result["ok"])
    for (name, reason), count in reasons.most_common():
        example = next(r["case"] for r in results if r["format"] == name and kind(r["reason"]) == reason)
        print(f"| {name} | {reason} | {count} | {example} |")


def kind(reason: str) -> str:
    """The reason without names, numbers and paths."""
    plain = re.sub(r"\S*/\S*", "PATH", re.sub(r"\d+", "#", reason))
    return re.sub(r"\b(?:TF)?[A-Z]\w*[a-z]\w*(?:Model|For\w+)\b", "CLASS", plain).replace("|", "/")[:110]


def show_latency(source: Path) -> None:
    """Medians of each runtime, their runs taken in turn."""
    with tempfile.TemporaryDirectory() as place:
        forwards = dict(runtimes(source, Path(place)))
        taken: dict[str, list[float]] = {name: [] for name in forwards}
        for _ in range(WARM_UP + RUNS):
            for name, forward in forwards.items():
                started = time.perf_counter()
                forward()
                taken[name].append(time.perf_counter() - started)
    print("| Runtime | Milliseconds | against PyTorch |\n| --- | --- | --- |")
    reference = median(taken["PyTorch"][WARM_UP:])
    for name, seconds in taken.items():
        found = median(seconds[WARM_UP:])
        print(f"| {name} | {1e3 * found:.1f} | {found / reference:.2f} |")


def runtimes(source: Path, place: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """PyTorch, and each exported file, on the same inputs."""
    from porter.base.quiet import quiet_frameworks
    from porter.export.declaration import Request
    from porter.export.exporting import run
    from porter.export.validation import fed, in_names_of

    quiet_frameworks()
    import torch

    import diffcheck
    from diffcheck.exported.compare_file import Compared, feeds_of

    sizes = {"batch": 1, "max_length": 64}
    wanted = {
        "tflite": sizes,
        "onnx": {"optimize": True, "quantize": "dynamic"},
        "torchscript": sizes,
        "saved-model": {},
    }
    first = None
    for name, options in wanted.items():
        done = run(Request(name, str(source), place / name, options=options))
        for validation in done.validations:
            piece = validation.piece
            if first is None:
                first = piece.trials[0]
                tensors = {key: torch.from_numpy(value) for key, value in first.inputs.items()}
                model = piece.torch
                yield "PyTorch", lambda model=model, tensors=tensors: _without_gradients(model, tensors)
            reference = in_names_of(piece, diffcheck.outputs_torch(piece.torch, fed(first, validation.graph)))
            feeds, _ = feeds_of(Compared(reference, validation.graph, 1.0))
            yield f"{name}: {piece.file.name}", lambda graph=validation.graph, feeds=feeds: graph.deployed(feeds)


def _without_gradients(model: Any, tensors: dict[str, Any]) -> object:
    import torch

    with torch.no_grad():
        return model(**tensors)


if __name__ == "__main__":
    main(sys.argv[1:])
