"""Port every family of tests/ports and the example, and write benchmarks/proven.json, the source of README's table.

python benchmarks/proven.py [FAMILY ...], in the project's root; `python -m porter.docs` then refreshes the documents.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

OUTPUT = Path("benchmarks/proven.json")
MODES = ("eager", "graph")
SAMPLES = {path.stem: path for path in sorted(Path("tests/ports").glob("*.json"))}
SAMPLES["brand_new_bert"] = Path("examples/brand_new_bert/sample.json")


def measured(family: str, sample: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "porter", "scaffold", family, "--sample", str(sample), "--output", folder]
        done = subprocess.run([*command, "--report", str(report)], capture_output=True, text=True, check=False)
        if not report.exists():
            sys.exit(f"{family}: {done.stderr}")
        classes = json.loads(report.read_text())["classes"]
    matching = [entry for entry in classes if matches(entry)]
    errors = {mode: max((entry[mode]["max_abs"] or 0.0 for entry in matching), default=0.0) for mode in MODES}
    shown = {mode: f"{error:.1e}" for mode, error in errors.items()}
    return {"family": family, "classes": len(classes), "proven": len(matching), **shown}


def matches(entry: dict[str, Any]) -> bool:
    return entry["eager"]["ok"] and entry["graph"]["ok"] and not any(entry["weights"].values())


def main(names: list[str]) -> None:
    known = json.loads(OUTPUT.read_text())["families"] if OUTPUT.exists() else []
    rows = {row["family"]: row for row in known if row["family"] in SAMPLES}
    for family in names or SAMPLES:
        rows[family] = measured(family, SAMPLES[family])
        print(*rows[family].values(), sep="  ", flush=True)
        OUTPUT.write_text(json.dumps({"families": [rows[name] for name in sorted(rows)]}, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
