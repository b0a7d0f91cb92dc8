"""TorchScript files: they match at the traced size and at others, need no transformers, and say what binds them."""

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from porter.export import validate
from tests.export.conftest import CONFIGURATIONS
from tests.families import each_family

torch = pytest.importorskip("torch")


def exported(porter_export, checkpoint, family, output, *words):
    run = porter_export("torchscript", "--model", checkpoint(family), output, "--json", *words)
    assert run.exit_code == 0, run.output
    return json.loads(run.stdout)


@pytest.mark.parametrize("family", each_family(CONFIGURATIONS))
def test_every_family_is_traced_and_matches(porter_export, checkpoint, tmp_path, family):
    manifest = exported(porter_export, checkpoint, family, tmp_path / "out")
    about = manifest["files"]["model.pt"]
    assert manifest["matches"]
    assert about["breaks_on"] == []
    assert len(about["compared_on"]) >= 2
    assert max(about["greatest_difference"].values()) < 1e-4


def test_a_file_says_its_names_and_is_validated_later(porter_export, checkpoint, tmp_path):
    manifest = exported(porter_export, checkpoint, "bert", tmp_path / "out", "--batch", 3, "--max-length", 9)
    about = manifest["files"]["model.pt"]
    assert about["traced"]["input_ids"] == [3, 9]
    assert [port["name"] for port in about["inputs"]] == ["input_ids", "attention_mask", "token_type_ids"]
    assert [port["name"] for port in about["outputs"]] == ["logits"]
    assert "must not be trained: cls.predictions.decoder.weight" in about["notes"][0]
    assert validate(checkpoint("bert"), tmp_path / "out" / "model.pt").matches


@pytest.mark.parametrize(
    ("family", "words", "sentence"),
    [
        ("bert", ("--max-length", 1000), "PyTorch does not run BertForMaskedLM on input_ids [2, 1000]"),
        ("vit", ("--max-length", 128), "ViTForImageClassification takes nothing whose length"),
    ],
)
def test_sizes_that_the_model_does_not_take_are_one_sentence(
    porter_export, checkpoint, tmp_path, family, words, sentence
):
    run = porter_export("torchscript", "--model", checkpoint(family), tmp_path / "out", *words)
    assert run.exit_code == 2
    assert sentence in run.output
    assert list(tmp_path.iterdir()) == []


def test_a_sound_is_traced_in_the_wanted_length_with_its_mask(porter_export, checkpoint, tmp_path):
    words = ("--batch", 1, "--max-length", 8000, "--json")
    run = porter_export("torchscript", "--model", checkpoint("wav2vec2"), tmp_path / "out", *words)
    assert run.exit_code == 0
    told = json.loads(run.stdout)["files"]["model.pt"]["traced"]
    assert told == {"input_values": [1, 8000], "attention_mask": [1, 8000]}


def test_weights_are_tied_again_after_the_export(checkpoint):
    import transformers

    from porter.export.positional import untied

    model = transformers.GPT2LMHeadModel.from_pretrained(checkpoint("gpt2"))
    with untied(model) as names:
        assert names == ["lm_head.weight"]
        assert model.lm_head.weight is not model.transformer.wte.weight
        assert torch.equal(model.lm_head.weight, model.transformer.wte.weight)
    assert model.lm_head.weight is model.transformer.wte.weight


def test_what_binds_a_file_to_one_size_is_said(porter_export, checkpoint, tmp_path, monkeypatch):
    from porter.export.formats import torchscript_export

    def bound(wrapper, tensors):
        length = tensors[0].shape[1]

        class Bound(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.wrapper = wrapper

            def forward(self, *given):
                return tuple(value.reshape(-1, length, 99) for value in self.wrapper(*given))

        return traced(Bound(), tensors)

    traced = torchscript_export._trace
    monkeypatch.setattr(torchscript_export, "_trace", bound)
    run = porter_export("torchscript", "--model", checkpoint("gpt2"), tmp_path / "out")
    assert run.exit_code == 0, run.output
    assert (
        "the file breaks or differs on 1 token, 62 tokens: cut or pad what it is given to input_ids [2, 7]"
        in run.output
    )
    assert "matches PyTorch on 3 inputs: padded left; 7 tokens; padded right." in run.output


def test_the_printed_example_runs(porter_export, checkpoint, tmp_path):
    words = ("torchscript", "--model", checkpoint("bert"), tmp_path / "out")
    run = porter_export(*words)
    assert run.exit_code == 0, run.output
    example = run.stdout[run.stdout.index("import torch") :]
    assert "--neuron" in example
    ids = torch.tensor([[5, 6, 7]])
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
    exec(example, given)
    assert given["logits"].shape == (1, 3, 99)


def test_the_example_of_a_bound_file_pads():
    from pathlib import Path

    from porter.export.example import torch_example

    about = {
        "fixed": False, "breaks_on": ["1 token"], "traced": {"input_ids": [2, 7], "pixel_values": [2, 3, 30, 30]},
        "outputs": [{"name": "logits"}],
    }  # fmt: skip
    lines = list(torch_example(Path("out/model.pt"), about))
    assert "input_ids = torch.nn.functional.pad(input_ids, (0, 7 - input_ids.shape[1]))" in lines
    assert "(logits,) = model(input_ids, pixel_values)" in lines
    assert not any(line.startswith("pixel_values =") for line in lines)


def test_without_the_neuron_compiler_nothing_begins(porter_export, checkpoint, tmp_path):
    run = porter_export("torchscript", "--neuron", "--model", checkpoint("bert"), tmp_path / "out")
    assert run.exit_code == 3
    assert "No Neuron compiler is installed: torch_neuronx" in run.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["torch_neuronx", "torch_neuron"])
def test_neuron_is_called_as_its_documentation_says(porter_export, checkpoint, tmp_path, monkeypatch, package):
    """A stand-in for the vendor's compiler records the call: a module, and a tuple of example tensors."""
    calls = []

    def trace(module, example):
        calls.append((module, example))
        return torch.jit.trace(module, example, check_trace=False)

    monkeypatch.setitem(sys.modules, package, SimpleNamespace(trace=trace))
    words = ("--neuron", "--batch", 1, "--max-length", 16)
    manifest = exported(porter_export, checkpoint, "bert", tmp_path / "out", *words)
    ((module, example),) = calls
    assert isinstance(module, torch.nn.Module)
    assert [tuple(tensor.shape) for tensor in example] == [(1, 16)] * 3
    assert manifest["files"]["model.pt"]["fixed"]
    assert len(manifest["files"]["model.pt"]["compared_on"]) == 1


@pytest.mark.long
@pytest.mark.parametrize("family", ["llama", "whisper"])
def test_an_exported_program_runs_without_transformers(porter_export, checkpoint, tmp_path, family):
    run = porter_export("torch-export", "--model", checkpoint(family), tmp_path / "out", "--json")
    assert run.exit_code == 0, run.output
    about = json.loads(run.stdout)["files"]["model.pt2"]
    assert about["breaks_on"] == []
    code = (
        "import sys, torch; sys.modules['transformers'] = None; "
        "print(len(torch.export.load(sys.argv[1]).module().state_dict()) > 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out" / "model.pt2")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True"
    assert np.isfinite(list(about["greatest_difference"].values())).all()
