"""Port every case of a corpus, prove every class, and say what stands in the way of the rest.

    python benchmarks/ports.py CORPUS.json [--output results.jsonl] [--families a,b] [--processes 2] [--limit SECONDS]
    python benchmarks/ports.py CORPUS.json --target transformers4 ...   # in the environment of transformers 4
    python benchmarks/ports.py CORPUS.json --output results.jsonl --why
    python benchmarks/ports.py CORPUS.json --output results.jsonl --table FILE.md

One JSON line per class. A run that is started again goes on with the cases that the file does not have. The main case
of every family comes first, in an order that says nothing about the family: an interrupted run is a fair sample.
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from pathlib import Path

from pool import Task, Work, proofs, run_tasks
from reasons import why
from report import table

Row = dict[str, object]
JsonCase = dict[str, object]


def main() -> None:
    """Measure, or read what was measured."""
    options = _options()
    families = set(filter(None, options.families.split(",")))
    corpus = json.loads(options.corpus.read_text(encoding="utf-8"))
    cases = ordered([case for case in corpus["cases"] if not families or case["family"] in families])
    if not (options.why or options.table):
        measure(cases, options.output, options.processes, options.limit, proofs(options.target))
    wanted = {str(case["id"]) for case in cases}
    rows = [row for row in read_rows(options.output) if row["case"] in wanted]
    if options.table:
        name = {"standalone": "ports", "transformers4": "ports in a tree"}[options.target]
        write_table(options.table, name, table(rows, cases, options.corpus.name, options.target))
    else:
        print(why(rows, top=30))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "ports.jsonl")
    parser.add_argument("--families", default="", help="only these, separated by commas")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--limit", type=int, default=120, help="processor seconds per case")
    parser.add_argument("--target", choices=("standalone", "transformers4"), default="standalone")
    parser.add_argument("--why", action="store_true", help="failures by root reason, of the rows there are")
    parser.add_argument("--table", type=Path, help="write the rows there are into the part `ports` of a document")
    return parser.parse_args()


def ordered(cases: list[JsonCase]) -> list[JsonCase]:
    """Main cases before variants; within each, by a hash of the name."""
    return sorted(cases, key=lambda case: (not case["lead"], zlib.crc32(str(case["id"]).encode())))


def classes_of(case: JsonCase) -> list[str]:
    """The model classes of a case."""
    models = case["models"]
    assert isinstance(models, list)
    return [model["name"] for model in models]


def read_rows(file: Path) -> list[Row]:
    """The rows written so far; a line that a killed run left half-written is not a row."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True) if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def measure(cases: list[JsonCase], output: Path, processes: int, limit: int, work: Work) -> None:
    """Append a row for every class that has none."""
    rows = read_rows(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = {(row["case"], row["class"]) for row in rows}
    tasks = []
    for case in cases:
        missing = [name for name in classes_of(case) if (case["id"], name) not in done]
        if missing:
            tasks.append(Task(case, tuple(missing)))
    with output.open("a", encoding="utf-8") as file:
        for row in run_tasks(tasks, processes, limit, work):
            file.write(json.dumps(row) + "\n")
            file.flush()
            print(f"{row['case']}/{row['class']}: {_outcome(row)}", file=sys.stderr)


def write_table(file: Path, name: str, text: str) -> None:
    """Into the part of a document that is generated as `name`, or as a document of its own."""
    from porter.docs import refreshed

    document = file.read_text(encoding="utf-8") if file.exists() else f"<!-- generated: {name} -->\n<!-- end -->\n"
    file.write_text(refreshed(document, {name: lambda: text}), encoding="utf-8")


def _outcome(row: Row) -> str:
    return "proven" if row["ok"] else str(row["reason"]).partition("\n")[0]


if __name__ == "__main__":
    main()
