"""A generated model with TensorFlow weights imports, loads and runs where torch is not installed."""

import subprocess
import sys

import numpy as np

from porter.port.verify import run_port

SCRIPT = """
import importlib.machinery, os, sys

class WithoutTorch(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] == "torch" else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = WithoutTorch
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
try:
    import torch
except ImportError:
    pass
else:
    raise SystemExit("torch is not blocked")

import numpy as np
sys.path.insert(0, sys.argv[1])
import modeling_tf_bert

folder = sys.argv[2]
model = modeling_tf_bert.TFBertForMaskedLM.from_pretrained(folder)
outputs = model(dict(np.load(folder + "/inputs.npz")), output_hidden_states=True)
np.savez(folder + "/found.npz", logits=outputs.logits, last=outputs.hidden_states[-1])
assert "torch" not in sys.modules
"""


def test_generated_files_do_not_need_torch(ports, tmp_path):
    port = ports("bert")
    name = "BertForMaskedLM"
    model, inputs = port.tf_model(name, port.torch_model(name), tmp_path / "pytorch"), port.inputs(name)
    model.save_pretrained(tmp_path)
    np.savez(tmp_path / "inputs.npz", **inputs)
    command = [sys.executable, "-c", SCRIPT, str(port.file.parent), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    expected, found = run_port(model, inputs, recorded=True), np.load(tmp_path / "found.npz")
    np.testing.assert_allclose(found["logits"], expected.logits, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found["last"], expected.hidden_states[-1], rtol=0, atol=1e-5)
