"""Verification: what a class is called with, and what becomes of models that differ, stop or prove nothing."""

import sys

import numpy as np
import pytest

from porter.port.load import import_file
from porter.port.port import port
from porter.port.verify import accepted, run_port, verify
from porter.subject import Case, InputSpec, ModelCase, Subject


class Port:
    """What a call got."""

    def call(self, arrays, use_cache=None, output_hidden_states=None):
        return sorted(arrays), {"use_cache": use_cache, "output_hidden_states": output_hidden_states}

    __call__ = call


def test_arrays_go_in_a_mapping_and_plain_values_by_keyword():
    inputs = {"input_ids": np.zeros((1, 2)), "use_cache": False}
    plain = {"use_cache": False, "output_hidden_states": None}
    assert run_port(Port(), inputs, recorded=False) == (["input_ids"], plain)
    assert run_port(Port(), inputs, recorded=True)[1] == {**plain, "output_hidden_states": True}


def test_only_what_forward_takes_is_given():
    class Model:
        def forward(self, input_ids):
            return input_ids

    assert list(accepted(Model(), {"input_ids": np.zeros(1), "pixel_values": np.zeros(1)})) == ["input_ids"]


HEAD = """
import torch
from torch import nn
from transformers import BertConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput


class Refused(Exception):
    pass


class ProofModel(PreTrainedModel):
    config_class = BertConfig

    def __init__(self, config):
        super().__init__(config)
        self.proj = nn.Linear(4, 4)
        self.post_init()

    def forward(self, {arguments}):
"""


@pytest.fixture
def proof(tmp_path, monkeypatch):
    """The result for a model whose forward is given, with an edit of the port's text before it is imported."""

    def run(arguments: str, *body: str, edit=lambda code: code):
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "modeling_proof", raising=False)
        file = tmp_path / "modeling_proof.py"
        file.write_text(HEAD.format(arguments=arguments) + "".join(f"        {line}\n" for line in body))
        inputs = (InputSpec("x", (2, 3, 4), "float32", {"kind": "normal"}),)
        case = Case("proof", "transformers", "BertConfig", {}, inputs, (ModelCase("ProofModel"),))
        subject = Subject("proof", file, file.read_text(), "modeling_proof", (case,), {})
        ported = port(subject, tmp_path / "port")
        ported.file.write_text(edit(ported.file.read_text()))
        (result,) = verify(subject, import_file(ported.file))
        return result

    return run


def test_a_class_is_proven_with_the_share_of_its_lines(proof):
    result = proof("x", "return self.proj(x)")
    assert result.ok, result
    assert result.coverage.share == 1
    assert result.coverage.given == ("x",)


def test_lengths_of_float_inputs_are_unknown_in_the_graph(proof):
    result = proof("x", "return self.proj(x) / x.shape[1]")
    assert result.ok, result
    assert result.varied == ("x 0, 1",)


def test_an_argument_that_porter_cannot_fill_leaves_the_class_unproven(proof):
    result = proof("x, moods: dict | None = None", "if moods is not None:", "    x = x * moods['scale']",
                   "return self.proj(x)")  # fmt: skip
    assert result.matches, result
    assert not result.ok
    assert list(result.coverage.idle) == ["moods"]
    assert result.coverage.idle["moods"].startswith("modeling_tf_proof.py:")


def test_an_argument_of_a_tensor_is_tried(proof):
    result = proof("x, extra_mask: torch.LongTensor | None = None", "if extra_mask is not None:",
                   "    x = x * extra_mask[..., None]", "return self.proj(x)")  # fmt: skip
    assert result.ok, result
    assert "extra_mask" in result.coverage.given


def test_a_branch_that_is_wrong_in_the_port_is_found(proof):
    result = proof("x, extra_mask: torch.LongTensor | None = None", "if extra_mask is not None:",
                   "    x = x + 2 * extra_mask[..., None]", "return self.proj(x)",
                   edit=lambda code: code.replace("2 *", "3 *"))  # fmt: skip
    assert not result.eager.ok
    assert result.eager.message.startswith("with extra_mask: ")


@pytest.mark.parametrize(
    ("line", "told"),
    [("return self.proj(x) / 0", "not finite"), ("return self.proj(x) * 0", "all zero"),
     ("return self.proj(x) * 0 + 3", "constant")],
)  # fmt: skip
def test_outputs_on_which_agreeing_proves_nothing(proof, line, told):
    result = proof("x", line)
    assert not result.ok
    assert told in result.nothing[0]


def test_a_model_that_breaks_when_it_is_asked_for_attentions_is_compared_without(proof):
    result = proof("x, output_attentions=False", "layer = (self.proj(x),)",
                   "seen = (layer[1],) if output_attentions else None",
                   "return BaseModelOutput(last_hidden_state=layer[0], attentions=seen)")  # fmt: skip
    assert result.ok, result


def test_a_class_that_differs_names_its_lines(proof):
    result = proof("x", "return self.proj(x) * 2", edit=lambda code: code.replace("* 2", "* 4"))
    assert not result.matches
    assert any("modeling_tf_proof.py" in line for line in result.trace), result.trace
    assert any("modeling_proof.py" in line for line in result.trace), result.trace


def test_a_class_that_stops_names_its_line(proof):
    result = proof("x", "return self.proj(x) * 2", edit=lambda code: code.replace("* 2", "* missing_name"))
    assert not result.matches
    assert "modeling_tf_proof.py:" in result.eager.message


def test_an_exception_of_the_models_own_is_one_sentence(proof):
    result = proof("x", "if self.training:", "    raise Refused('no training')", "return self.proj(x)")
    assert result.ok, result
