"""A port imports, loads and runs where the tools of porter's own commands are not installed."""

import subprocess
import sys

import numpy as np

# keras brings rich and transformers brings typer for their own use, so the rule is about who imports.
SCRIPT = """
import builtins, importlib.machinery, sys

ABSENT = {"jinja2", "libcst", "ruff"}
TOOLS = {*ABSENT, "rich", "typer"}

class WithoutTools(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in ABSENT else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = WithoutTools
ordinary = builtins.__import__

def watched(name, globals=None, *rest, **named):
    importer = (globals or {}).get("__name__", "").partition(".")[0]
    if name.partition(".")[0] in TOOLS and importer in ("porter", "diffcheck"):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return ordinary(name, globals, *rest, **named)

builtins.__import__ = watched
try:
    import libcst
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("libcst is not blocked")

import numpy as np
import porter
import porter.runtime

folder = sys.argv[1]
model = porter.load(folder)
np.save(folder + "/found.npy", model(np.array([[5, 6, 7]])).logits)
assert not ABSENT & set(sys.modules)
"""


def test_a_port_is_served_without_the_tools(ports, tmp_path):
    port = ports("bert")
    name = "BertForMaskedLM"
    model = port.tf_model(name, port.torch_model(name), tmp_path / "pytorch")
    model.save_pretrained(tmp_path)
    (tmp_path / port.file.name).write_text(port.file.read_text())
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    expected = model(np.array([[5, 6, 7]])).logits
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), expected, rtol=0, atol=1e-5)
