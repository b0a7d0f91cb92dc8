"""Options that say what a plain `nn.Module` is, the same in every command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Torch = Annotated[
    str | None, typer.Option(metavar="FILE[:CLASS]", help="A plain nn.Module in place of --model; its file is run.")
]
Arguments = Annotated[
    str | None, typer.Option(metavar="JSON", help="Arguments of a plain nn.Module's constructor, as a JSON table.")
]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", metavar="NAME=2x3:float32", help="Input of a plain nn.Module; repeatable."),
]
Sample = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="JSON with a plain nn.Module's arguments and inputs, as scaffold takes it."),
]
Weights = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A plain nn.Module's state_dict, .pt or .safetensors; diff can draw it."),
]
