"""The walk-through's model is a sound PyTorch model before anything is ported."""

import ast
import re
import sys
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).parents[2] / "examples" / "brand_new_bert"


@pytest.fixture
def brand_new_bert(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER.parent))
    yield __import__("brand_new_bert")
    for name in [name for name in sys.modules if name.startswith("brand_new_bert")]:
        del sys.modules[name]


@pytest.fixture
def config(brand_new_bert):
    return brand_new_bert.BrandNewBertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=2, intermediate_size=32)


def test_saving_and_loading_changes_nothing(brand_new_bert, config, tmp_path):
    model = brand_new_bert.BrandNewBertForMaskedLM(config).eval()
    model.save_pretrained(tmp_path)
    again = brand_new_bert.BrandNewBertForMaskedLM.from_pretrained(tmp_path).eval()
    ids = torch.tensor([[3, 4, 5, 6]])
    torch.testing.assert_close(again(ids).logits, model(ids).logits, rtol=0, atol=0)


def test_the_head_shares_its_weight_with_the_embeddings(brand_new_bert, config):
    model = brand_new_bert.BrandNewBertForMaskedLM(config)
    assert model.cls.decoder.weight is model.brand_new_bert.embeddings.word_embeddings.weight


def test_padding_changes_nothing_before_it(brand_new_bert, config):
    model = brand_new_bert.BrandNewBertModel(config).eval()
    ids = torch.tensor([[3, 4, 5, 0, 0]])
    padded = model(ids, attention_mask=(ids != 0).long()).last_hidden_state[:, :3]
    torch.testing.assert_close(padded, model(ids[:, :3]).last_hidden_state)


def test_every_parameter_learns(brand_new_bert, config):
    model = brand_new_bert.BrandNewBertForSequenceClassification(config)
    model(torch.tensor([[3, 4], [5, 6]]), labels=torch.tensor([0, 1])).loss.backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_hidden_states_and_attentions_are_recorded(brand_new_bert, config):
    model = brand_new_bert.BrandNewBertModel(config).eval()
    outputs = model(torch.tensor([[3, 4, 5]]), output_hidden_states=True, output_attentions=True)
    assert (len(outputs.hidden_states), len(outputs.attentions)) == (3, 2)


def test_copied_from_is_true():
    source = (FOLDER / "modeling_brand_new_bert.py").read_text()
    bodies = {node.name: ast.get_source_segment(source, node) for node in ast.parse(source).body
              if isinstance(node, ast.ClassDef)}  # fmt: skip
    claims = re.findall(r"# Copied from \S+\.(\w+) with (\w+)->(\w+)\nclass (\w+)", source)
    assert claims
    for original, old, new, copy in claims:
        assert bodies[copy] == bodies[original].replace(old, new)
