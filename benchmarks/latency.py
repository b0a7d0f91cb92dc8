"""How fast a generated BERT answers: `python benchmarks/latency.py` (base size, batch 8, length 128).

PyTorch eager, the port in `tf.function` with unknown batch and length, and the port compiled by XLA, in one process on
the same threads, their runs taken in turn. Prints medians and ratios, of wall time and of processor time: on a busy
machine only the latter means something, and only on one core (`taskset -c 0 python benchmarks/latency.py`), where no
thread waits for another.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

BATCH, LENGTH, RUNS, WARM_UP = 8, 128, 15, 3

Forward = Callable[[], object]


def main() -> None:
    """Measure and print."""
    from report import machine

    threads = len(os.sched_getaffinity(0))
    taken = medians()
    wall, processor = taken["PyTorch eager"]
    print(f"{machine()}; {threads} threads; BERT base, batch {BATCH}, length {LENGTH}, median of {RUNS} runs\n")
    print("| Forward | Milliseconds | Ratio | Processor milliseconds | Ratio |\n| --- | --- | --- | --- | --- |")
    for name, (own_wall, own_processor) in taken.items():
        cells = (own_wall * 1e3, own_wall / wall, own_processor * 1e3, own_processor / processor)
        print(f"| {name} | " + " | ".join(f"{cell:.0f}" if cell > 10 else f"{cell:.2f}" for cell in cells) + " |")


def medians() -> dict[str, tuple[float, float]]:
    """Median seconds of a forward pass, by name: wall and processor time."""
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # TensorFlow's default; porter compares numbers without it
    from porter.base.quiet import quiet_frameworks

    quiet_frameworks()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "porter", "scaffold", "bert", "--class", "BertModel", "--no-verify"]
        subprocess.run([*command, "--output", folder], check=True, capture_output=True)
        forwards = bert_forwards(Path(folder))
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in forwards}
    for _ in range(WARM_UP + RUNS):
        for name, forward in forwards.items():
            started = time.perf_counter(), time.process_time()
            forward()
            times[name].append((time.perf_counter() - started[0], time.process_time() - started[1]))
    return {name: (_median(taken, 0), _median(taken, 1)) for name, taken in times.items()}


def _median(taken: list[tuple[float, float]], column: int) -> float:
    return median(pair[column] for pair in taken[WARM_UP:])


def bert_forwards(folder: Path) -> dict[str, Forward]:
    """The same weights and inputs in every form; `folder` holds the generated file."""
    import tensorflow as tf
    import torch

    threads = len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    pytorch, ported = _models(folder)
    ids = torch.randint(0, 1000, (BATCH, LENGTH))
    mask = torch.ones_like(ids)
    tf_ids, tf_mask = tf.constant(ids.numpy()), tf.constant(mask.numpy())
    spec = tf.TensorSpec((None, None), tf.int64)

    def call(input_ids: Any, attention_mask: Any) -> Any:
        return ported(input_ids, attention_mask=attention_mask).last_hidden_state

    graph = tf.function(call, input_signature=[spec, spec])
    compiled = tf.function(call, jit_compile=True)

    def torch_forward() -> object:
        with torch.inference_mode():
            return pytorch(ids, attention_mask=mask).last_hidden_state

    return {
        "PyTorch eager": torch_forward,
        "ported, `tf.function`": lambda: graph(tf_ids, tf_mask).numpy(),
        "ported, `tf.function(jit_compile=True)`": lambda: compiled(tf_ids, tf_mask).numpy(),
    }


def _models(folder: Path) -> tuple[Any, Any]:
    from transformers import BertConfig, BertModel

    from porter.port.load import import_file

    pytorch = BertModel(BertConfig()).eval()
    pytorch.save_pretrained(folder / "weights")
    module = import_file(folder / "modeling_tf_bert.py")
    return pytorch, module.TFBertModel.from_pretrained(folder / "weights", from_pt=True)


if __name__ == "__main__":
    main()
