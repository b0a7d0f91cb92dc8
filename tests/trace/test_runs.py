import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from porter.base.errors import UsageError
from porter.facts import Fact, Facts, Span
from porter.facts.canonical import canonical
from porter.subject import Case, InputSpec, ModelCase, Subject
from porter.subject.find import find_subject
from porter.subject.inputs.arrays import numpy_inputs
from porter.subject.inputs.variation import torch_inputs
from porter.subject.torch_model import build_torch_model
from porter.trace import trace, watched
from porter.trace.instrument import instrument
from porter.trace.variants import switches

PORTS = Path(__file__).parents[1] / "ports"

SOURCE = '''\
import math
import torch
import torch.nn.functional as F
from torch import nn
from transformers import BertConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput


def scaled(x, é=1.0):
    """Doc."""
    "ü", (x), F.softmax(x, dim=-1)
    return x * math.sqrt(2) if é else -x


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.proj = nn.Linear(config.hidden_size, config.hidden_size)
        self.layers = nn.ModuleList([nn.ReLU(), nn.Sequential(nn.Tanh())])
        self.scale = nn.Parameter(torch.ones(3))
        self.register_buffer("steps", torch.zeros(1), persistent=False)

    def forward(self, hidden, other=None):
        batch, length = hidden.shape[:2]
        hidden += 1
        hidden[:, 0] = 2
        total = (batch, hidden.size(-1),)
        for layer in self.layers:
            hidden = layer(hidden)
        assert not (length < 0) and f"{length}"
        return hidden.view(batch, -1, total[1]), other

    def never(self):
        return math.pi


class SmallModel(PreTrainedModel):
    config_class = BertConfig

    def __init__(self, config):
        super().__init__(config)
        self.block = Block(config)
        self.post_init()

    def forward(self, inputs_embeds, other=None):
        x, _ = self.block(inputs_embeds)
        if self.config.is_decoder:
            x = x.transpose(0, 1)
        return BaseModelOutput(last_hidden_state=scaled(self.block.proj(x)))
'''


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "modeling_small", raising=False)
    file = tmp_path / "modeling_small.py"
    file.write_text(SOURCE, encoding="utf-8")
    inputs = (InputSpec("inputs_embeds", (2, 7, 8), "float32", {"kind": "normal"}),
              InputSpec("input_ids", (2, 7), "int64", {"kind": "zeros"}))  # fmt: skip
    case = Case("small", "transformers", "BertConfig", {"hidden_size": 8}, inputs, (ModelCase("SmallModel"),))
    return Subject("small", file, SOURCE, "modeling_small", (case,), {})


def place(text, within=SOURCE, after=""):
    start = within.index(text, within.index(after) + len(after))
    before = within[:start]
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1)
    return Span(line, column, line, column + len(text))


@pytest.fixture
def seen(small):
    facts = trace(small)
    return lambda text, after="": facts.at(place(text, after=after))


def test_sizes_that_vary_are_told_from_those_that_do_not(seen):
    assert seen("hidden.shape").dims == (None, None, 8)
    assert seen("hidden.shape").kinds == {"shape"}
    assert seen("hidden.size(-1)") == Fact.constant(8)
    assert seen("hidden.size(-1)").has_value
    assert seen("length", after="not (").kinds == {"int"}
    assert not seen("length", after="not (").has_value
    assert seen("hidden.view(batch, -1, total[1])").dims == (None, None, 8)


def test_callees_have_their_public_names(seen):
    assert seen("nn.Linear").names == {"torch.nn.Linear"}
    assert seen("F.softmax").names == {"torch.nn.functional.softmax"}
    assert seen("math.sqrt").names == {"math.sqrt"}
    assert seen("hidden.view").names == {"torch.Tensor.view"}
    assert seen("super().__init__").names == {"torch.nn.Module.__init__"}
    assert seen("scaled", after="last_hidden_state").names == {"local.scaled"}
    assert seen("BaseModelOutput", after="x.transpose").names == {"transformers.modeling_outputs.BaseModelOutput"}


def test_what_else_is_seen(seen):
    assert seen("layer(hidden)").is_tensor
    assert seen("layer", after="hidden = ").names == {"torch.nn.ReLU", "torch.nn.Sequential"}
    assert seen("hidden", after="hidden = layer(hidden)\n").is_tensor
    assert seen("hidden", after="forward(self, ").is_tensor  # a parameter
    assert seen("hidden", after="length = hidden.shape[:2]\n").is_tensor  # the target of +=
    assert seen("hidden", after="hidden += 1\n").is_tensor  # the base of an assigned element
    assert seen("not (length < 0)") == Fact.constant(True)
    assert seen("length < 0") == Fact.constant(False)
    assert seen("batch, hidden.size(-1),").items[1] == Fact.constant(8)
    assert seen("é", after="sqrt(2) if ") == Fact.constant(1.0)
    assert seen("self.config").kinds == {"config"}
    assert seen('"ü"') == Fact.constant("ü")
    assert seen("other", after="total[1])").is_none


def test_what_was_never_reached_has_no_fact(seen, small):
    assert seen("math.pi") is None
    never = place("def never")
    assert not [span for span in trace(small).entered if span.line == never.line]
    assert [span for span in trace(small).entered if span.line == place("def forward").line]


def test_switches_reach_more_but_take_nothing_back(seen):
    assert seen("x.transpose").names == {"torch.Tensor.transpose"}
    assert not seen("self.config.is_decoder").has_value


def test_modules_of_the_file(small):
    module = trace(small).modules["Block"]
    assert module.children == {
        "proj": {"torch.nn.Linear"},
        "layers": {"torch.nn.ModuleList"},
        "layers.*": {"torch.nn.ReLU", "torch.nn.Sequential"},
        "layers.*.*": {"torch.nn.Tanh"},
    }
    assert module.parameters == {"scale": (3,)}
    assert module.buffers == {"steps": False}


def test_nothing_stays_behind(small):
    before = set(sys.modules)
    trace(small)
    assert not [name for name in set(sys.modules) - before if "_watched_" in name]


def tensors(outputs):
    return {name: value for name, value in outputs.items() if torch.is_tensor(value)}


@pytest.mark.parametrize("family", ["bert", "gpt2", "t5", "wav2vec2", "convnext"])
def test_watching_changes_no_bit(family):
    subject = find_subject(family, PORTS / f"{family}.json")
    case = subject.cases[0]
    with watched(subject) as (module, _), torch.no_grad():
        for model_case in case.models[:2]:
            inputs = numpy_inputs(case.inputs_of(model_case))
            plain, heard = (build_torch_model(subject, case, model_case.name, source) for source in (None, module))
            expected = tensors(plain(**torch_inputs(plain, inputs)))
            outputs = tensors(heard(**torch_inputs(heard, inputs)))
            assert type(heard) is not type(plain)
            torch.testing.assert_close(outputs, expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    ("family", "share"),
    [
        ("bert", 0.9),
        ("llama", 0.9),
        pytest.param("t5", 0.75, marks=pytest.mark.long),
        pytest.param("wav2vec2", 0.65, marks=pytest.mark.long),
    ],
)
def test_real_files_are_mostly_reached(family, share):
    subject = find_subject(family, PORTS / f"{family}.json")
    facts = trace(subject)
    spans = set(instrument(subject.source, "file").spans)
    assert len(spans & facts.spans.keys()) / len(spans) > share
    named = {model.name for case in subject.cases for model in case.models}
    assert not named & facts.failures.keys()
    assert Facts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


def test_a_decoder_shows_its_cache_and_cross_attention():
    subject = find_subject("bert", PORTS / "bert.json", ["BertModel"])
    facts = trace(subject)
    cache = facts.at(place("current_past_key_values", subject.source, after="key_layer, value_layer = "))
    assert cache.kinds == {"cache"}
    assert cache.names == {"transformers.cache_utils.DynamicCache"}
    assert facts.modules["BertLayer"].children["crossattention"] == {"local.BertAttention"}


def test_a_model_that_cannot_run_is_named(small):
    broken = SOURCE.replace("x, _ = self.block(inputs_embeds)", "x, _ = self.nothing(inputs_embeds)")
    with pytest.raises(UsageError, match="SmallModel: AttributeError") as caught:
        trace(replace(small, source=broken))
    assert caught.value.place == str(small.file)
    second = SOURCE + "\n\nclass OtherModel(SmallModel):\n    def forward(self, odd):\n        return odd.nothing\n"
    facts = trace(replace(small, source=second))
    assert "OtherModel" in facts.failures


def test_a_file_that_is_not_python(small):
    with pytest.raises(UsageError, match="not valid Python") as caught:
        trace(replace(small, source="x = (\n"))
    assert caught.value.place.startswith(str(small.file))


def test_spans_leave_out_the_parentheses_of_tuples_only():
    source = "def f():\n    é = ( (1), 2,), (3), ('ü',)\n"
    found = {source.splitlines()[s.line - 1][s.column : s.end_column] for s in instrument(source, "f").spans}
    assert found == {"(1), 2,", "'ü',", "( (1), 2,), (3), ('ü',)"}


def test_names_that_are_hard_to_find():
    import functools

    import numpy as np

    x = torch.ones(2)
    assert canonical(torch.nn.Parameter(x).t) == "torch.Tensor.t"
    assert canonical(x.split) == "torch.Tensor.split"
    assert canonical(x.__add__) == "torch.Tensor.__add__"
    assert canonical(torch.Tensor.view) == "torch.Tensor.view"
    assert canonical(torch.nn.functional.max_pool2d) == "torch.nn.functional.max_pool2d"
    assert canonical(torch.conv1d) == "torch.nn.functional.conv1d"
    assert canonical(functools.partial(torch.matmul, x)) == "torch.matmul"
    assert canonical(torch.nn.Linear(2, 2)) == "torch.nn.Linear"
    assert canonical([].append) == "builtins.list.append"
    assert canonical(np.prod) == "numpy.prod"
    assert canonical(len) == "builtins.len"
    normed = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv1d(2, 2, 2))
    assert canonical(normed) == "torch.nn.Conv1d"
    assert canonical(torch.nn.Tanh().register_buffer) == "torch.nn.Module.register_buffer"


def test_switches_are_what_the_file_reads():
    class Config:
        is_decoder, kind, size, use_cache, unread = False, "a", 3, True, True

    source = "if config.is_decoder or self.config.kind in ('a', 'b') or config.size or config.use_cache: pass"
    assert list(switches(Config(), [source])) == [{"is_decoder": True}, {"kind": "b"}]
