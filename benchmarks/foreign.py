"""Port modules of other people's files: `python benchmarks/foreign.py LIST [--output DIR]`.

LIST is a JSON list of {"file", "class", "arguments", "inputs"}; files are looked for beside it, inputs are written as
`porter scaffold --input` takes them. A line per module: exit code, classes proven, Notes, seconds; where it is not
proven, why. Nothing of a file is kept unless --output says where.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LONGEST = 180
CRASH = "Traceback (most recent call last)"


def ported(entry: Mapping[str, Any], folder: Path, output: Path) -> dict[str, Any]:
    """The report of `porter scaffold` on one entry, with its exit code, seconds, and why it is not proven."""
    report = output / "report.json"
    command = [sys.executable, "-m", "porter", "scaffold", str(folder / entry["file"]), "--output", str(output)]
    command += ["--report", str(report)]
    command += ["--class", entry["class"]] if entry.get("class") else []
    command += ["--arguments", json.dumps(entry["arguments"])] if entry.get("arguments") is not None else []
    command += [part for text in entry.get("inputs", ()) for part in ("--input", text)]
    start = time.monotonic()
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False, env=os.environ)
    except subprocess.TimeoutExpired:
        return {"rc": None, "seconds": LONGEST, "why": f"more than {LONGEST} s", "classes": [], "notes": []}
    data = json.loads(report.read_text()) if report.exists() else {"classes": [], "notes": []}
    said = (ran.stderr + ran.stdout).strip().splitlines()
    why = "a traceback: " + said[-1] if CRASH in ran.stderr + ran.stdout else _why(data) or (said or [""])[-1]
    return {**data, "rc": ran.returncode, "seconds": time.monotonic() - start, "why": why if ran.returncode else ""}


def _why(data: Mapping[str, Any]) -> str:
    sides = (each[mode] for each in data["classes"] for mode in ("eager", "graph"))
    told = [side["message"] for side in sides if not side["ok"]]
    left = [note for note in data["notes"] if note["level"] == "left"]
    told += [f"left: {note['file']}:{note['line']} {note['message']}" for note in left]
    return told[0] if told else ""


def line(entry: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """One line of the table."""
    proven = sum(each["eager"]["ok"] and each["graph"]["ok"] for each in result["classes"])
    levels = [note["level"] for note in result["notes"]]
    counts = f"{levels.count('left')} left, {levels.count('assumed')} assumed"
    code = "-" if result["rc"] is None else result["rc"]
    name = f"{entry['file']}:{entry.get('class', '')}"
    why = " ".join(result["why"].split())[:200]
    return f"{name:36s} {code:>3} {proven}/{len(result['classes'])}  {counts:19s} {result['seconds']:5.1f} s  {why}"


def main() -> None:
    """Run the list; exit code 1 where one module is not proven."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lists", nargs="+", type=Path, metavar="LIST")
    parser.add_argument("--output", type=Path, help="folder for the ports, one below it for each")
    parser.add_argument("--only", metavar="TEXT", help="entries whose file or class has this text")
    asked = parser.parse_args()
    done = good = 0
    for file in asked.lists:
        for at, entry in enumerate(json.loads(file.read_text())):
            if asked.only and asked.only not in f"{entry['file']}:{entry.get('class', '')}":
                continue
            with tempfile.TemporaryDirectory(prefix="porter-") as scratch:
                output = asked.output / f"{at}_{Path(entry['file']).stem}" if asked.output else Path(scratch)
                output.mkdir(parents=True, exist_ok=True)
                result = ported(entry, file.parent, output)
            done, good = done + 1, good + (result["rc"] == 0)
            print(line(entry, result), flush=True)
    print(f"{good} of {done} come out with exit code 0")
    sys.exit(good != done)


if __name__ == "__main__":
    main()
