"""Layers whose `forward` is given as text, in one modeling file that is traced, ported and run."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

from porter.subject import Case, InputSpec, ModelCase, Subject
from tests.rewrite.fixtures import configuration_tiny
from tests.rewrite.porting import Ported, port

HEAD = """
import torch
from torch import nn
from transformers.modeling_outputs import BaseModelOutput
from transformers.modeling_utils import PreTrainedModel

from configuration_{file} import TinyConfig


"""
LAYER = """

class {name}(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layer = {linear}(config.hidden_size, config.hidden_size)
        self.cached = 0
        self.kept = None
        self.entries = {{}}

{methods}
    def forward(self, x, ids):
        x = self.layer(x)
{body}
"""
MODEL = """

class BodiesModel(PreTrainedModel):
    config_class = TinyConfig
    base_model_prefix = "bodies"

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


def port_bodies(
    file: str, bodies: Mapping[str, str], folder: Path, helpers: str = "", linear: str = "nn.Linear"
) -> Ported:
    """Each body as a layer of its own class; `x` is (batch, length, 8), `ids` are the model's ids.

    `linear` is the class of `self.layer`. A body's part above a line `---` is methods of the class. A body returns a
    tensor that can be added to x.
    """
    layers = "".join(_layer(name, body, linear) for name, body in bodies.items())
    made = "\n".join(f"        self.{name.lower()} = {name}(config)" for name in bodies)
    called = "\n".join(f"        total = total + self.{name.lower()}(x, input_ids)" for name in bodies)
    text = HEAD.format(file=file) + textwrap.dedent(helpers) + layers + MODEL.format(made=made, called=called)
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
    case = Case(file, f"configuration_{file}", "TinyConfig", {}, (ids,), (ModelCase("BodiesModel"),))
    subject = Subject(file, source, text, f"modeling_{file}", (case,), {})
    return port(subject, folder / "port")


def _layer(name: str, body: str, linear: str) -> str:
    methods, _, lines = textwrap.dedent(body).strip().rpartition("\n---\n")
    return LAYER.format(
        name=name,
        linear=linear,
        methods=textwrap.indent(methods, " " * 4),
        body=textwrap.indent(lines.strip(), " " * 8),
    )
