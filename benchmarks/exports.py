"""What share of a corpus' classes exports, per format, and why the rest does not.

    python benchmarks/exports.py CORPUS.json [--output results.jsonl] [--limit 60] [--seconds 300]
    python benchmarks/exports.py CORPUS.json --output results.jsonl --table benchmarks/exports.md

The base class of each case is saved with strong weights and exported as `porter export` does it, the port of
TensorFlow's formats made once, as `porter scaffold` makes it, whose own verdict is the row `scaffold`. A run that is
started again goes on with the cases that the file does not have, in an order that says nothing about them: an
interrupted run is a fair sample.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pool import Task, run_tasks
from ports import read_rows
from report import machine

from porter.base.errors import PorterError

Row = dict[str, Any]
Case = dict[str, Any]
SCAFFOLD = "scaffold"
FORMATS = ("onnx", "torchscript", SCAFFOLD, "saved-model", "tflite")
OF_THE_PORT = ("saved-model", "tflite")
EXPORTERS = (
    "onnx",
    "onnxruntime",
    "onnxscript",
    "torch.onnx",
    "torch._dynamo",
    "transformers.exporters.exporter_onnx",
)
"""What every case needs beside the frameworks; imported once."""
TOP_REASONS = 6


def main() -> None:
    """Measure, or read what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "exports.jsonl")
    parser.add_argument("--limit", type=int, default=None, help="this many cases")
    parser.add_argument("--cases", default="", help="only these, separated by commas")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=300, help="processor seconds per case")
    parser.add_argument("--table", type=Path, help="write the rows there are to this file")
    given = parser.parse_args()
    named = set(filter(None, given.cases.split(",")))
    found = json.loads(given.corpus.read_text(encoding="utf-8"))["cases"]
    cases = [case for case in ordered(found) if not named or case["id"] in named][: given.limit]
    if given.table is None:
        measure(cases, given.output, given.processes, given.seconds)
    rows = read_rows(given.output)
    text = table(rows, given.corpus.name, len(found))
    if given.table is None:
        print(text)
    else:
        given.table.write_text(f"# What exports\n\n{text}", encoding="utf-8")


def ordered(cases: Sequence[Case]) -> list[Case]:
    """By a hash of the name."""
    return sorted(cases, key=lambda case: zlib.crc32(str(case["id"]).encode()))


def measure(cases: Sequence[Case], output: Path, processes: int, seconds: int) -> None:
    """Append a row for every format that a case has none of."""
    rows = read_rows(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = {row["case"] for row in rows}
    for exporter in EXPORTERS:
        importlib.import_module(exporter)
    tasks = [Task(case, FORMATS) for case in cases if case["id"] not in done]
    with output.open("a", encoding="utf-8") as file:
        for row in run_tasks(tasks, processes, seconds, exported):
            file.write(json.dumps(row) + "\n")
            file.flush()
            print(f"{row['case']}/{row['class']}: {'matches' if row['ok'] else row['reason']}", file=sys.stderr)


def exported(case: Case, formats: Sequence[str]) -> Iterator[Row]:
    """A row for each format of the case's base class."""
    _one_thread()
    with tempfile.TemporaryDirectory(prefix="exports-") as place:
        folder = Path(place)
        failure = _tried(lambda: save(case, folder / "checkpoint"))
        port: list[Path] = []
        for name in formats:
            started = time.perf_counter()
            if failure:
                reason = f"not saved: {failure}"
            elif name == SCAFFOLD:
                reason = _tried(lambda: port.extend(scaffolded(folder)))
            else:
                tf = port if name in OF_THE_PORT else []
                reason = _tried(lambda name=name, tf=tf: export(name, folder, tf))  # type: ignore[misc]
            seconds = round(time.perf_counter() - started, 1)
            about = {"family": case["family"], "case": case["id"], "class": name}
            yield {**about, "ok": not reason, "reason": reason, "seconds": seconds}


def _one_thread() -> None:
    import tensorflow as tf
    import torch

    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _tried(step: Any) -> str:
    """Why a step stopped; empty where it did not."""
    try:
        step()
    except PorterError as error:
        return str(error)[:1500]
    except Exception as error:  # noqa: BLE001 - whatever stops the case is what this measures
        return f"a defect: {type(error).__name__}: {error}"[:400]
    return ""


def save(case: Case, folder: Path) -> None:
    """Build the first class of a case with strong weights and save it."""
    import torch

    from porter.subject.strong_weights import strengthen

    torch.manual_seed(0)
    config = getattr(importlib.import_module(case["config_module"]), case["config_class"])(**case["config"])
    first = case["models"][0]
    model = getattr(importlib.import_module(first["module"]), first["name"])(config).eval()
    strengthen(model)
    model.save_pretrained(folder)


def scaffolded(folder: Path) -> list[Path]:
    """The port of the checkpoint, if scaffold's own verification says that it matches.

    Raises:
        PorterError: it does not.
    """
    from porter.hub.configuration import architecture
    from porter.port.chain import Options, run

    name = architecture(folder / "checkpoint")
    result = run(Options(str(folder / "checkpoint"), folder / "port", (name,)))
    wrong = [each.eager.message or each.graph.message or "weights" for each in result.classes if not each.ok]
    if wrong or not result.classes:
        raise PorterError((wrong or ["nothing was compared"])[0])
    return [path for path in result.written if path.match("modeling_tf_*.py")][:1]


def export(name: str, folder: Path, port: Sequence[Path]) -> None:
    """Export a checkpoint as the command does."""
    from porter.export.declaration import Request
    from porter.export.exporting import run

    options = {"tf": str(port[0])} if port else {}
    run(Request(name, str(folder / "checkpoint"), folder / name, options=options))


def table(rows: Sequence[Row], corpus: str, total: int) -> str:
    """Shares, and the reasons of the rest, as Markdown."""
    cases = {row["case"] for row in rows}
    ported = {row["case"] for row in rows if row["class"] == SCAFFOLD and row["ok"]}
    lines = [
        f"`python benchmarks/exports.py {corpus}` on {machine()}:",
        "",
        f"{len(cases)} of the {total} cases, the base class of each, in an order that says nothing about them.",
        "",
        "| Format | Exports and matches | Of what scaffold ports |",
        "| --- | --- | --- |",
    ]
    for name in FORMATS:
        own = [row for row in rows if row["class"] == name]
        part = [row for row in own if row["case"] in ported] if name != SCAFFOLD else []
        title = "(`porter scaffold` proves the port)" if name == SCAFFOLD else name
        lines.append(f"| {title} | {_share(own)} | {_share(part) if part else ''} |")
    lines += ["", "| Format | Reason | Cases | Such as |", "| --- | --- | --- | --- |"]
    for name in FORMATS:
        wrong = [row for row in rows if row["class"] == name and not row["ok"]]
        if name in OF_THE_PORT:
            wrong = [row for row in wrong if row["case"] in ported]
        counts = Counter(kind(row["reason"]) for row in wrong)
        for reason, count in counts.most_common(TOP_REASONS):
            example = next(row["case"] for row in wrong if kind(row["reason"]) == reason)
            lines.append(f"| {name} | {reason} | {count} | {example} |")
        rest = sum(count for _, count in counts.most_common()[TOP_REASONS:])
        if rest:
            lines.append(f"| {name} | {len(counts) - TOP_REASONS} other reasons | {rest} | |")
    return "\n".join(lines) + "\n"


def _share(rows: Sequence[Row]) -> str:
    good = sum(row["ok"] for row in rows)
    return f"{good} of {len(rows)} ({good / len(rows):.0%})" if rows else "none measured"


def kind(reason: str) -> str:
    """The reason without names, numbers and paths."""
    lines = [line.strip() for line in reason.splitlines()]
    plain = " ".join(lines[:2] if lines[0].startswith("The exported file differs") else lines[:1])
    plain = re.sub(r"\S*/\S*", "PATH", re.sub(r"\d[\d.e+-]*", "#", plain))
    return re.sub(r"\b(?:TF)?[A-Z]\w*[a-z]\w*(?:Model|For\w+)\b", "CLASS", plain).replace("|", "/")[:140]


if __name__ == "__main__":
    main()
