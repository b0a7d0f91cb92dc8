"""What `porter diff` costs over running the two models: wall time and peak memory, each in a process of its own.

    python benchmarks/diff_cost.py                       # BERT of base size, 2 x 128 tokens
    python benchmarks/diff_cost.py --layers 48 --hidden 1024

The checkpoint gets strong random weights, the TensorFlow file is scaffolded. `import` is importing the frameworks a
process needs, `load` reading the checkpoint into the model; the ratio is of the rest: the layer table of the whole
model over one bare forward pass of each framework, the median of five after a first one. Processor time is of all
threads, and tells more than wall time where other work runs on the machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from porter.base.quiet import quiet_frameworks

PARTS = ("torch", "tensorflow", "diff")
MODEL = "TFBertModel"


def main() -> None:
    """Make the models, measure each part in turn, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--runs", type=int, default=3, help="how often each part is measured; the median counts")
    parser.add_argument("--max-memory", type=int, help="bytes")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    quiet_frameworks()
    if options.part:
        print(json.dumps(measured(options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        make_models(options, Path(folder))
        arguments = [*sys.argv[1:], "--folder", folder]
        found = {part: [run_part(part, arguments) for _ in range(options.runs)] for part in PARTS}
    print(table(found))


def make_models(options: argparse.Namespace, folder: Path) -> None:
    """A checkpoint of the wanted size, and a port of its class."""
    from transformers import BertConfig, BertModel

    from porter.port.chain import Options, run
    from porter.subject.strong_weights import strengthen

    sizes = {"hidden_size": options.hidden, "num_hidden_layers": options.layers}
    config = BertConfig(**sizes, num_attention_heads=options.hidden // 64, intermediate_size=4 * options.hidden)
    model = BertModel(config).eval()
    strengthen(model)
    model.save_pretrained(folder)
    run(Options("bert", folder, ("BertModel",), None, False))


def run_part(part: str, arguments: list[str]) -> dict[str, Any]:
    """Measure one part in a fresh process."""
    command = [sys.executable, __file__, *arguments, "--part", part]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of importing, loading and running, and the peak of memory, of this process."""
    clock: dict[str, float] = {"load": 0.0}
    start = time.perf_counter()
    if options.part != "tensorflow":
        import torch  # noqa: F401
    if options.part != "torch":
        import keras  # noqa: F401
    import transformers  # noqa: F401

    clock["import"] = time.perf_counter() - start
    draw = np.random.default_rng(0)
    mask = np.ones((options.batch, options.length), np.int64)
    mask[-1, options.length - options.length // 4 :] = 0
    inputs = {"input_ids": draw.integers(1000, 30000, mask.shape), "attention_mask": mask}
    {"torch": run_torch, "tensorflow": run_tensorflow, "diff": run_diff}[options.part](options, inputs, clock)
    from diffcheck.record.sides import peak

    return {**clock, "peak": peak()}


def timed(clock: dict[str, float], name: str, run: Callable[[], Any]) -> Any:
    """The result; its seconds are added under the name."""
    start, used = time.perf_counter(), time.process_time()
    result = run()
    clock[name] = clock.get(name, 0.0) + time.perf_counter() - start
    clock[f"{name} processor"] = clock.get(f"{name} processor", 0.0) + time.process_time() - used
    return result


def load_torch(options: argparse.Namespace) -> Any:
    """PyTorch's model, as `porter diff` loads it."""
    from porter.subject import torch_checkpoint

    return torch_checkpoint.load_torch(options.folder)


def load_tensorflow(options: argparse.Namespace) -> Any:
    """TensorFlow's model, as `porter diff` loads it."""
    from porter.diff.model_sides import load_tensorflow
    from porter.port.find_port import PortSource

    return load_tensorflow(options.folder, PortSource(options.folder / "modeling_tf_bert.py", MODEL))


def run_torch(options: argparse.Namespace, inputs: dict[str, Any], clock: dict[str, float]) -> None:
    """One forward pass, the median of five after the first."""
    import torch

    model = timed(clock, "load", lambda: load_torch(options))
    tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
    with torch.no_grad():
        repeated(clock, lambda: model(**tensors))


def run_tensorflow(options: argparse.Namespace, inputs: dict[str, Any], clock: dict[str, float]) -> None:
    """The same for TensorFlow, eagerly."""
    model = timed(clock, "load", lambda: load_tensorflow(options))
    repeated(clock, lambda: model(**inputs))


def repeated(clock: dict[str, float], run: Callable[[], Any]) -> None:
    """The first run apart."""
    timed(clock, "first", run)
    seconds, processor = [], []
    for _ in range(5):
        start, used = time.perf_counter(), time.process_time()
        run()
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    clock["run"], clock["processor"] = statistics.median(seconds), statistics.median(processor)


def run_diff(options: argparse.Namespace, inputs: dict[str, Any], clock: dict[str, float]) -> None:
    """The table of all modules; loading is counted apart."""
    import diffcheck

    loads = [
        diffcheck.Loader(lambda side=side: timed(clock, "load", lambda: side(options)))
        for side in (load_torch, load_tensorflow)
    ]
    wanted = diffcheck.Options(layer_by_layer=True, cached_step=False, max_memory=options.max_memory)
    report = timed(clock, "all", lambda: diffcheck.diff(*loads, inputs, wanted))
    clock["first"] = clock["run"] = clock["all"] - clock["load"]
    clock["processor"] = clock["all processor"] - clock["load processor"]
    assert report.matches, report.sentences()
    clock["modules"] = len(report.modules)


def table(found: dict[str, list[dict[str, Any]]]) -> str:
    """The figures as Markdown."""
    middle = {
        part: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for part, runs in found.items()
    }
    lines = [
        "| process | import | load | first run | run | run, processor | peak memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for part, row in middle.items():
        times = " | ".join(f"{row[key]:.2f} s" for key in ("import", "load", "first", "run", "processor"))
        lines.append(f"| {part} | {times} | {row['peak'] / 2**20:.0f} MiB |")
    first, bare, used = (middle["torch"][key] + middle["tensorflow"][key] for key in ("first", "run", "processor"))
    larger = max(middle[part]["peak"] for part in ("torch", "tensorflow"))
    more = (middle["diff"]["peak"] - larger) / 2**20
    ratios = f"{middle['diff']['run'] / bare:.2f} times the two forward passes ({middle['diff']['run'] / first:.2f} "
    ratios += "times the first ones of their processes, as the table's are), in processor time "
    ratios += (
        f"{middle['diff']['processor'] / used:.2f} times; {more:.0f} MiB more than the larger of the two processes"
    )
    lines += ["", f"{middle['diff']['modules']:.0f} modules: {ratios}."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
