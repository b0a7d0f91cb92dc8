"""Layers whose `forward` is given as text, in one modeling file that is traced, ported and run."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

from tests.rewrite.porting import Ported, port
from tests.rewrite.summed_model import summed_model

LAYER = """

class {name}(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layer = {linear}(config.hidden_size, config.hidden_size)
        self.cached = 0
        self.limit = 0
        self.kept = None
        self.entries = {{}}

{methods}
    def forward(self, x, ids):
        x = self.layer(x)
{body}
"""


def port_bodies(
    file: str, bodies: Mapping[str, str], folder: Path, helpers: str = "", linear: str = "nn.Linear"
) -> Ported:
    """Each body as a layer of its own class; `x` is (batch, length, 8), `ids` are the model's ids.

    `linear` is the class of `self.layer`. A body's part above a line `---` is methods of the class. A body returns a
    tensor that can be added to x.
    """
    layers = "".join(_layer(name, body, linear) for name, body in bodies.items())
    attributes = {name.lower(): name for name in bodies}
    subject = summed_model(file, textwrap.dedent(helpers) + layers, attributes, "x, input_ids", folder)
    return port(subject, folder / "port")


def _layer(name: str, body: str, linear: str) -> str:
    methods, _, lines = textwrap.dedent(body).strip().rpartition("\n---\n")
    return LAYER.format(
        name=name,
        linear=linear,
        methods=textwrap.indent(methods, " " * 4),
        body=textwrap.indent(lines.strip(), " " * 8),
    )
