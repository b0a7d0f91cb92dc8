"""How long porter takes: `make bench`, or `python benchmarks/speed.py [NAME ...]`.

Prints a Markdown table with the machine's name. NAME is one of help, scaffold, rewrite; default: all.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

SAMPLES = Path(__file__).parents[1] / "tests" / "ports"

Row = tuple[str, str, str]


def seconds_of(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def porter(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "porter", *arguments], check=True, capture_output=True)


def help_rows() -> Iterator[Row]:
    taken = median(seconds_of(lambda: porter("--help")) for _ in range(5))
    yield "`porter --help`, median of 5", f"{taken:.2f} s", "0.5 s"


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
    from porter.rewrite.targets import standalone
    from porter.subject.find import find_subject
    from porter.trace import trace

    subjects = [find_subject(sample.stem, sample) for sample in sorted(SAMPLES.glob("*.json"))]
    largest = max(subjects, key=lambda subject: len(subject.source))
    facts = trace(largest)
    runs = [_rewriting(lambda: rewrite(largest, facts, standalone())) for _ in range(3)]
    seconds, processor = zip(*runs, strict=True)
    lines = largest.source.count("\n")
    name = f"rewriting `{largest.file.name}` ({lines} lines), facts in hand, median of 3"
    yield f"{name}, processor time {median(processor):.2f} s", f"{median(seconds):.2f} s", "2 s"


def _rewriting(action: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor time, that of the formatter's processes included."""
    before = os.times()
    seconds = seconds_of(action)
    return seconds, sum(os.times()[:4]) - sum(before[:4])


ROWS = {"help": help_rows, "scaffold": scaffold_rows, "rewrite": rewrite_rows}


def main(names: list[str]) -> None:
    from report import machine

    from porter.base.quiet import quiet_frameworks

    quiet_frameworks()
    print(f"{machine()}\n\n| What | Measured | At most |\n| --- | --- | --- |")
    for name in names or ROWS:
        for row in ROWS[name]():
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
