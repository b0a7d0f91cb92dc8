"""In the environment of transformers 4: a modeling file of those years is ported there, and the port proven there.

python tests/transformers4/scaffold.py FOLDER: the port and its report are written below the folder.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODEL = Path(__file__).parent / "remote" / "modeling_larch.py"


def porter(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "porter", *arguments)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)


def check_port(folder: Path) -> None:
    """Both classes match, every line was translated, and most of the port ran while it was compared."""
    report = folder / "report.json"
    done = porter("scaffold", str(MODEL), "--output", str(folder), "--report", str(report), "--force")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(report.read_text(encoding="utf-8"))
    classes = {entry["name"]: entry for entry in found["classes"]}
    assert set(classes) == {"LarchModel", "LarchForCausalLM"}
    assert all(entry["coverage"]["share"] > 0.85 for entry in classes.values()), classes
    assert {"past_key_values", "inputs_embeds", "labels"} <= set(classes["LarchForCausalLM"]["coverage"]["given"])


def check_sentence(folder: Path) -> None:
    """A file that asks for what this version no longer has is told so."""
    text = MODEL.read_text(encoding="utf-8").replace(".get_seq_length()", ".get_usable_length(seq_length)")
    file = folder / "earlier" / "modeling_larch.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    configuration = MODEL.with_name("configuration_larch.py")
    (file.parent / configuration.name).write_text(configuration.read_text(encoding="utf-8"), encoding="utf-8")
    done = porter("scaffold", str(file), "--output", str(folder))
    assert done.returncode == 2, done.stdout + done.stderr
    said = " ".join(done.stderr.split())
    assert "has no transformers.cache_utils.DynamicCache.get_usable_length" in said, said
    assert "written for another version" in said, said


if __name__ == "__main__":
    target = Path(sys.argv[1]).resolve()
    target.mkdir(parents=True, exist_ok=True)
    check_port(target)
    check_sentence(target)
    print("a modeling file of transformers 4's years is ported and proven there")
