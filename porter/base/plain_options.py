"""Options that say what a plain `nn.Module` is, the same in every command, and the value that they make."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from porter.base.early_checks import check_input_file, torch_file
from porter.base.errors import UsageError

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


@dataclass(frozen=True)
class PlainOptions:
    """A plain `nn.Module` in place of a checkpoint: each as the option of its name, `inputs` as `--input`."""

    torch: str | None
    arguments: str | None
    inputs: tuple[str, ...]
    weights: Path | None
    sample: Path | None

    def check(self, hint: str) -> None:
        """Refuse what is said of a module that is not named, or twice.

        Args:
            hint: how a module is named in this command.

        Raises:
            UsageError: that, or there is no such file.
        """
        of_sample = self.arguments is not None or bool(self.inputs)
        if self.torch is not None:
            torch_file(self.torch)
        elif of_sample or self.weights is not None or self.sample is not None:
            raise UsageError("--arguments, --input, --sample and --weights are about a plain nn.Module.", hint=hint)
        check_input_file("--weights", self.weights)
        check_input_file("--sample", self.sample)
        if self.sample is not None and of_sample:
            raise UsageError("--sample holds the arguments and inputs.", hint="leave --arguments and --input out")
