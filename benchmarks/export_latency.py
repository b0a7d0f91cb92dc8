"""How fast checkpoints answer in each exported format: `python benchmarks/export_latency.py FOLDER ...`.

PyTorch, TorchScript, onnxruntime (plain, fused, int8), TensorFlow's graph and TFLite, one row of 64 tokens (images and
sound as the configuration has them), each checked against PyTorch before, their runs taken in turn in one process.
Prints medians in milliseconds, and in brackets the share of PyTorch's.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

RUNS, WARM_UP = 20, 3
REFERENCE = "PyTorch"


def main(folders: list[str]) -> None:
    """Measure each checkpoint and print."""
    from report import machine

    found = {Path(folder).name: medians(Path(folder)) for folder in folders}
    print(f"{machine()}\n\n{table(found)}")


def medians(source: Path) -> dict[str, float]:
    """Milliseconds of a run in each runtime, the runs taken in turn."""
    with tempfile.TemporaryDirectory() as place:
        forwards = dict(runtimes(source, Path(place)))
        taken: dict[str, list[float]] = {name: [] for name in forwards}
        for _ in range(WARM_UP + RUNS):
            for name, forward in forwards.items():
                started = time.perf_counter()
                forward()
                taken[name].append(time.perf_counter() - started)
    return {name: 1e3 * median(seconds[WARM_UP:]) for name, seconds in taken.items()}


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """A row a runtime, a column a model: milliseconds, and the share of PyTorch's."""
    lines = [f"| | {' | '.join(found)} |", f"| --- |{' --- |' * len(found)}"]
    for name in dict.fromkeys(name for each in found.values() for name in each):
        cells = [
            f"{each[name]:.1f} ({each[name] / each[REFERENCE]:.2f})" if name in each else "" for each in found.values()
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def runtimes(source: Path, place: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """PyTorch, and each exported file, on the same inputs."""
    from porter.base.errors import PorterError
    from porter.base.quiet import quiet_frameworks
    from porter.export.declaration import Request
    from porter.export.exporting import run
    from porter.export.parts import giving_cache
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
        try:
            done = run(Request(name, str(source), place / name, options=options))
        except PorterError as error:
            print(f"{source.name}, {name}: {error.sentence.splitlines()[0]}", file=sys.stderr)
            continue
        for validation in done.validations:
            piece = validation.piece
            if piece.signature:  # a step from a cache
                continue
            if first is None:
                first = piece.trials[0]
                tensors = {key: torch.from_numpy(value) for key, value in first.inputs.items()}
                model = piece.torch
                giving_cache(model, False).__enter__()  # as the files, for as long as this process lives
                yield REFERENCE, lambda model=model, tensors=tensors: _without_gradients(model, tensors)
            reference = in_names_of(piece, diffcheck.outputs_torch(piece.torch, fed(first, validation.graph)))
            feeds, _ = feeds_of(Compared(reference, validation.graph, 1.0))
            yield f"{name}: {piece.file.name}", lambda graph=validation.graph, feeds=feeds: graph.deployed(feeds)


def _without_gradients(model: Any, tensors: dict[str, Any]) -> object:
    import torch

    with torch.no_grad():
        return model(**tensors)


if __name__ == "__main__":
    main(sys.argv[1:])
