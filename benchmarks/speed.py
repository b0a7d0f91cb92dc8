"""How long porter takes, and how fast what it writes is: `make bench`, or `python benchmarks/speed.py [NAME ...]`.

Prints a Markdown table with the machine's name. NAME is one of help, scaffold, rewrite, latency; default: all.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

SAMPLES = Path(__file__).parents[1] / "tests" / "ports"
BATCH, LENGTH, RUNS = 8, 128, 15

Row = tuple[str, str, str]


def seconds_of(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def porter(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "porter", *arguments], check=True, capture_output=True)


def help_rows() -> Iterator[Row]:
    quickest = min(seconds_of(lambda: porter("--help")) for _ in range(5))
    yield "`porter --help`, best of 5", f"{quickest:.2f} s", "0.5 s"


def scaffold_rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        arguments = ("scaffold", "bert", "--class", "BertModel", "--output", folder, "--report", str(report))
        whole = seconds_of(lambda: porter(*arguments))
        stages = json.loads(report.read_text())["seconds"]
    parts = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in stages.items())
    yield f"`porter scaffold bert --class BertModel` ({parts})", f"{whole:.1f} s", "40 s"


def rewrite_rows() -> Iterator[Row]:
    """Rewriting alone, the facts in hand, of the family with the longest modeling file."""
    from porter.rewrite import rewrite
    from porter.subject import find_subject
    from porter.targets import standalone
    from porter.trace import trace

    subjects = [find_subject(sample.stem, sample) for sample in sorted(SAMPLES.glob("*.json"))]
    largest = max(subjects, key=lambda subject: len(subject.source))
    facts = trace(largest)
    taken = min(seconds_of(lambda: rewrite(largest, facts, standalone())) for _ in range(3))
    lines = largest.source.count("\n")
    yield f"rewriting `{largest.file.name}` ({lines} lines), facts in hand", f"{taken:.2f} s", "2 s"


def latency_rows() -> Iterator[Row]:
    """BERT of base size: the port in `tf.function` against PyTorch eager, same threads, runs taken in turn."""
    with tempfile.TemporaryDirectory() as folder:
        porter("scaffold", "bert", "--class", "BertModel", "--no-verify", "--output", folder)
        torch_call, tf_call = bert_calls(Path(folder))
        times = [(seconds_of(torch_call), seconds_of(tf_call)) for _ in range(RUNS + 3)][3:]
    torch_seconds, tf_seconds = (statistics.median(column) for column in zip(*times, strict=True))
    name = f"BERT-base forward, batch {BATCH}, length {LENGTH}, PyTorch eager {torch_seconds * 1e3:.0f} ms"
    ratio = tf_seconds / torch_seconds
    yield f"{name}, ported in `tf.function` {tf_seconds * 1e3:.0f} ms: ratio", f"{ratio:.2f}", "1.0"


def bert_calls(folder: Path) -> tuple[Callable[[], object], Callable[[], object]]:
    import tensorflow as tf
    import torch
    from transformers import BertConfig, BertModel

    from porter.port_source import import_file

    threads = len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    pytorch = BertModel(BertConfig()).eval()
    pytorch.save_pretrained(folder / "weights")
    module = import_file(folder / "modeling_tf_bert.py")
    ported = module.TFBertModel.from_pretrained(folder / "weights", from_pt=True)
    ids = torch.randint(0, 1000, (BATCH, LENGTH))
    graph = tf.function(ported.call, input_signature=[tf.TensorSpec((None, None), tf.int64)])
    tf_ids = tf.constant(ids.numpy())

    def torch_call() -> object:
        with torch.inference_mode():
            return pytorch(ids).last_hidden_state

    def tf_call() -> object:
        return graph(tf_ids).last_hidden_state.numpy()

    return torch_call, tf_call


def machine() -> str:
    cpus = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0))
    return f"{cpus[0].partition(':')[2].strip()}, {cores} cores, Python {platform.python_version()}"


ROWS = {"help": help_rows, "scaffold": scaffold_rows, "rewrite": rewrite_rows, "latency": latency_rows}


def main(names: list[str]) -> None:
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"  # TensorFlow's default, which porter turns off only to compare numbers
    from porter.quiet import quiet_frameworks

    quiet_frameworks()
    print(f"{machine()}\n\n| What | Measured | At most |\n| --- | --- | --- |")
    for name in names or ROWS:
        for row in ROWS[name]():
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
