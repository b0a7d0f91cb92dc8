"""Port every family of tests/ports and the example, and write benchmarks/proven.json, the source of README's table.

python benchmarks/proven.py [FAMILY ...], in the project's root; `python -m porter.docs` then refreshes the documents.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from porter.testing import USES

OUTPUT = Path("benchmarks/proven.json")
MODES = ("eager", "graph")
SAMPLES = {path.stem: path for path in sorted(Path("tests/ports").glob("*.json"))}
SAMPLES["brand_new_bert"] = Path("examples/brand_new_bert/sample.json")
Json = dict[str, Any]


def measured(family: str, sample: Path) -> Json:
    """One family: its classes, how many match and by how much, and what the written test file says of each use."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "porter", "scaffold", family, "--sample", str(sample), "--output", folder]
        done = subprocess.run([*command, "--report", str(report)], capture_output=True, text=True, check=False)
        if not report.exists():
            sys.exit(f"{family}: {done.stderr}")
        classes = json.loads(report.read_text())["classes"]
        uses = written_tests(Path(folder, f"test_modeling_tf_{family}.py"))
    matching = [entry for entry in classes if matches(entry)]
    errors = {mode: max((entry[mode]["max_abs"] or 0.0 for entry in matching), default=0.0) for mode in MODES}
    shown = {mode: f"{error:.1e}" for mode, error in errors.items()}
    return {"family": family, "classes": len(classes), "proven": len(matching), **shown, "uses": uses}


def matches(entry: Json) -> bool:
    return entry["eager"]["ok"] and entry["graph"]["ok"] and not any(entry["weights"].values())


def written_tests(file: Path) -> dict[str, str]:
    """Run the test file that porter wrote: each use -> the models that pass, of those that have it (`5 of 5`)."""
    results = file.with_name("results.xml")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={results}", file.name]
    subprocess.run(command, cwd=file.parent, capture_output=True, check=False)
    cases = ElementTree.parse(results).iter("testcase")
    had, passed = Counter[str](), Counter[str]()
    for case in cases:
        use = next((use for use in USES if case.attrib["name"].endswith(f"-{use}]")), None)
        if use and case.find("skipped") is None:
            had[use] += 1
            failed = case.find("failure") is not None or case.find("error") is not None
            passed[use] += not failed
            if failed:
                print(f"  {case.attrib['name']} failed", flush=True)
    return {use: f"{passed[use]} of {had[use]}" if had[use] else "-" for use in USES}


def main(names: list[str]) -> None:
    known = json.loads(OUTPUT.read_text())["families"] if OUTPUT.exists() else []
    rows = {row["family"]: row for row in known if row["family"] in SAMPLES}
    for family in names or SAMPLES:
        rows[family] = measured(family, SAMPLES[family])
        print(*rows[family].values(), sep="  ", flush=True)
        OUTPUT.write_text(json.dumps({"families": [rows[name] for name in sorted(rows)]}, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
