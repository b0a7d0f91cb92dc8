"""A model that adds up what its layers give, whose layers' classes are given as text: one file to trace and port."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path

from porter.subject import Case, InputSpec, ModelCase, Subject
from tests.rewrite.fixtures import configuration_tiny

HEAD = """
import torch
from torch import nn
from transformers.activations import ACT2CLS, ACT2FN
from transformers.modeling_outputs import BaseModelOutput
from transformers.modeling_utils import PreTrainedModel

from configuration_{file} import TinyConfig


"""
MODEL = """

class SummedModel(PreTrainedModel):
    config_class = TinyConfig
    base_model_prefix = "summed"

    def __init__(self, config):
        super().__init__(config)
        self.embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
{made}
        self.post_init()

    def forward(self, input_ids):
        x = self.embeddings(input_ids)
        total = x
{called}
        return BaseModelOutput(last_hidden_state=total)
"""


def summed_model(file: str, classes: str, layers: Mapping[str, str], arguments: str, folder: Path) -> Subject:
    """The model as a subject, in `modeling_{file}.py` of the folder.

    Args:
        file: what the file is called.
        classes: the text of the layers' classes, each made of a configuration.
        layers: class by the attribute that keeps its layer.
        arguments: what each layer is called with; `x` is (batch, length, 8), `input_ids` are the model's ids.
        folder: where the file is written.
    """
    made = "\n".join(f"        self.{name} = {layer}(config)" for name, layer in layers.items())
    called = "\n".join(f"        total = total + self.{name}({arguments})" for name in layers)
    text = HEAD.format(file=file) + classes + MODEL.format(made=made, called=called)
    source = folder / f"modeling_{file}.py"
    source.write_text(text, encoding="utf-8")
    tiny = Path(str(configuration_tiny.__file__)).read_text(encoding="utf-8")
    (folder / f"configuration_{file}.py").write_text(tiny, encoding="utf-8")
    sys.path.insert(0, str(folder))
    try:
        importlib.import_module(f"modeling_{file}")
    finally:
        sys.path.remove(str(folder))
    ids = InputSpec("input_ids", (2, 5), "int64", {"kind": "randint", "low": 1, "high": 30})
    case = Case(file, f"configuration_{file}", "TinyConfig", {}, (ids,), (ModelCase("SummedModel"),))
    return Subject(file, source, text, f"modeling_{file}", (case,), {})
