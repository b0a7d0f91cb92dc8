import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from transformers import BertForMaskedLM

from tests.runtime import modeling_tf_small_bert as ported
from tests.runtime.compare import assert_matches
from tests.runtime.small_bert import IDS, MASK, strong

PORT = Path(ported.__file__)

WITHOUT_TORCH = """
import importlib.machinery, os, sys

class WithoutTorch(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] == "torch" else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = WithoutTorch
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path.insert(0, {folder!r})
import numpy as np
import modeling_tf_small_bert as ported
"""


def run(script, **values):
    text = (WITHOUT_TORCH + textwrap.dedent(script)).format(folder=str(PORT.parent), **values)
    result = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint")
    strong(BertForMaskedLM).to(torch.bfloat16).save_pretrained(path)
    model = ported.TFBertForMaskedLM.from_pretrained(path, from_pt=True)
    model.save_pretrained(path)
    np.savez(path / "inputs.npz", ids=IDS, mask=MASK)
    return path


def test_both_kinds_of_weights_load_and_run(checkpoint):
    run(
        """
        arrays = np.load({path!r} + "/inputs.npz")
        inputs = {{"input_ids": arrays["ids"], "attention_mask": arrays["mask"], "labels": arrays["ids"]}}
        for from_pt in (False, True):
            model = ported.TFBertForMaskedLM.from_pretrained({path!r}, from_pt=from_pt)
            outputs = model(inputs, output_hidden_states=True)
            assert len(outputs.hidden_states) == 4
            np.savez({path!r} + f"/found_{{from_pt}}.npz", logits=outputs.logits, loss=outputs.loss)
        assert "torch" not in sys.modules
        """,
        path=str(checkpoint),
    )
    state = {
        key: value.float() for key, value in safetensors.torch.load_file(checkpoint / "model.safetensors").items()
    }
    torch_model = strong(BertForMaskedLM)
    torch_model.load_state_dict({key: value.float() for key, value in state.items()}, strict=False)
    ids = torch.tensor(IDS)
    expected = torch_model(ids, attention_mask=torch.tensor(MASK), labels=ids)
    for from_pt in (False, True):
        found = np.load(checkpoint / f"found_{from_pt}.npz")
        assert_matches(found["logits"], expected.logits)
        assert_matches(found["loss"], expected.loss)


def test_every_name_of_the_runtime_imports():
    run(
        """
        from porter import runtime
        for name in runtime.EXPORTED:
            getattr(runtime, name)
        assert "torch" not in sys.modules
        """
    )


def test_a_bin_file_asks_for_torch(checkpoint, tmp_path):
    (tmp_path / "config.json").write_text((checkpoint / "config.json").read_text())
    torch.save({}, tmp_path / "pytorch_model.bin")
    run(
        """
        from porter.base.errors import NotInstalled
        try:
            ported.TFBertForMaskedLM.from_pretrained({path!r}, from_pt=True)
        except NotInstalled as error:
            assert "torch" in str(error)
        else:
            raise AssertionError("it loaded")
        """,
        path=str(tmp_path),
    )
