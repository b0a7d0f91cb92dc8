"""In the environment of transformers 4: a family without TensorFlow classes gets them, as members of a tree.

python tests/transformers4/target.py FOLDER: the tree's files and the report are written below the folder.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FAMILY = "megatron_bert"
CLASSES = ("MegatronBertModel", "MegatronBertForMaskedLM")
SAMPLE = {
    "id": FAMILY,
    "config_module": f"transformers.models.{FAMILY}.configuration_{FAMILY}",
    "config_class": "MegatronBertConfig",
    "config": {
        "vocab_size": 128,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
    },
    "inputs": [
        {"name": "input_ids", "shape": [2, 7], "dtype": "int64", "gen": {"kind": "randint", "low": 20, "high": 99}},
        {"name": "attention_mask", "shape": [2, 7], "dtype": "int64", "gen": {"kind": "ones"}},
    ],
    "models": [{"name": name, "module": f"transformers.models.{FAMILY}.modeling_{FAMILY}"} for name in CLASSES],
}
# The tree's own test file, run in a process that has the written folder as a part of the installed package.
RUN_TEST = """
import importlib, sys, unittest
package = importlib.import_module(sys.argv[1])
package.__path__.append(sys.argv[2])
sys.path.insert(0, sys.argv[3])
unittest.main(module=sys.argv[4], argv=["test"], verbosity=0)
"""


def porter(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "porter", *arguments)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False)


def check_port(folder: Path) -> None:
    """Both classes match PyTorch with weights that transformers itself has loaded; all points of the guide hold."""
    sample, report = folder / "sample.json", folder / "report.json"
    sample.write_text(json.dumps(SAMPLE), encoding="utf-8")
    done = porter("scaffold", FAMILY, "--target", "transformers4", "--sample", str(sample), "--output", str(folder),
                  "--report", str(report), "--force")  # fmt: skip
    assert report.is_file(), done.stdout + done.stderr
    found = json.loads(report.read_text(encoding="utf-8"))
    classes = {entry["name"]: entry for entry in found["classes"]}
    assert set(classes) == set(CLASSES)
    assert all(entry["ok"] for entry in classes.values()), done.stdout + done.stderr
    assert all(len(entry["guide"]) == 6 for entry in classes.values())
    assert "POINT OF THE GUIDE" in done.stdout
    left = [note["message"] for note in found["notes"] if note["level"] == "left"]
    assert all("prun" in text or "transpose" in text for text in left), left  # pruning, and reading TF1's checkpoints


def check_files(folder: Path) -> None:
    """What a tree gets does not know porter, and its own test passes."""
    package, tests = folder / f"src/transformers/models/{FAMILY}", folder / f"tests/models/{FAMILY}"
    files = [package / f"modeling_tf_{FAMILY}.py", package / "_tf_utils.py", tests / f"test_modeling_tf_{FAMILY}.py"]
    for file in files:
        assert "import porter" not in file.read_text(encoding="utf-8")
        assert "from porter" not in file.read_text(encoding="utf-8")
    name = f"transformers.models.{FAMILY}"
    command = [sys.executable, "-c", RUN_TEST, name, str(package), str(tests), files[2].stem]
    ran = subprocess.run(command, cwd=folder, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, capture_output=True,
                         text=True, timeout=1800, check=False)  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Ran 3 tests" in ran.stderr


def check_sentences(folder: Path) -> None:
    """What this target does not write is refused in one sentence, and nothing is written."""
    empty = folder / "refused"
    model = Path(__file__).parent / "remote" / "modeling_larch.py"
    for name, said in ((str(model), "writes for a family of transformers"), ("bert", "has TensorFlow classes")):
        done = porter("scaffold", name, "--target", "transformers4", "--output", str(empty))
        assert done.returncode == 2 and said in " ".join(done.stderr.split()), done.stdout + done.stderr
        assert not list(empty.rglob("*.py"))


if __name__ == "__main__":
    target = Path(sys.argv[1]).resolve()
    target.mkdir(parents=True, exist_ok=True)
    check_port(target)
    check_files(target)
    check_sentences(target)
    print("a family without TensorFlow classes has them in a tree of transformers 4, proven there")
