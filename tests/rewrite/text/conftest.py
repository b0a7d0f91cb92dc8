"""The port of a small file of which a test writes the head and the tail."""

import sys
from collections.abc import Callable

import pytest

from porter.port.port import Port, port
from porter.subject import Case, InputSpec, ModelCase, Subject

HEAD = """
import importlib.util
import sys

import torch
from torch import nn
from transformers import BertConfig, PreTrainedModel
"""
MODEL = """

class OddModel(PreTrainedModel):
    config_class = BertConfig

    def __init__(self, config):
        super().__init__(config)
        self.proj = nn.Linear(4, 4)
        self.post_init()

    def forward(self, x):
        return self.proj(x)
"""


@pytest.fixture
def ported(tmp_path, monkeypatch) -> Callable[..., Port]:
    """The port of a file whose head and tail are given around a model of one layer."""

    def run(head: str, tail: str = "", model: str = MODEL):
        folder = tmp_path / "source"
        folder.mkdir(exist_ok=True)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, "modeling_odd_file", raising=False)
        file = folder / "modeling_odd_file.py"
        file.write_text(HEAD + head + model + tail)
        inputs = (InputSpec("x", (2, 3, 4), "float32", {"kind": "normal"}),)
        case = Case("odd_file", "transformers", "BertConfig", {}, inputs, (ModelCase("OddModel"),))
        return port(Subject("odd_file", file, file.read_text(), "modeling_odd_file", (case,), {}), tmp_path / "port")

    return run
