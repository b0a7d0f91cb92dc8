"""The command line: finds the commands, turns errors into sentences and exit codes.

Exit codes: 0 all matches, 1 finished and found differences or lines left, 2 usage or bad input,
3 something is not installed, 70 a defect of porter's own, 130 interrupted, 143 ended by SIGTERM.
`PORTER_DEBUG=1` shows the traceback of an error.
"""

import gc
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Annotated

import typer

from porter import commands
from porter.base import console
from porter.base.command_line import Commands, with_common_options, without_empty_texts
from porter.base.guard import guarded
from porter.base.quiet import quiet_frameworks
from porter.base.version import __version__

ABOUT = """Port PyTorch models of transformers to TensorFlow, and prove the port.

\b
Examples:
  porter scaffold bert
  porter diff --model ./my-model --layer-by-layer
  porter pt-to-tf --model ./my-model --no-pr --output ./my-model-tf
  porter rules torch.sum
"""

HELP = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    cls=Commands,
    help=ABOUT,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=HELP,
)


def main() -> None:
    """Entry point of the console script `porter`."""
    try:
        app(prog_name="porter")  # `python -m porter` is the same command
    finally:
        gc.freeze()  # else Python looks through all of the frameworks' objects once more before it ends


def _show_version(wanted: bool) -> None:
    if wanted:
        console.result(f"porter {__version__}")
        raise typer.Exit


@app.callback()
def porter(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Prepare what every command shares."""
    # The frameworks make a great many objects that stay, which Python would look through again and again.
    gc.set_threshold(500_000)
    console.print_whatever_comes()
    quiet_frameworks()


def help_text(command: Callable[..., None]) -> str:
    """The docstring, its `Examples:` kept line by line."""
    return inspect.cleandoc(command.__doc__ or "").replace("Examples:", "\b\nExamples:")


def register_commands() -> None:
    """Register every file of porter/commands under its own name, `pt_to_tf` as `pt-to-tf`."""
    for found in pkgutil.iter_modules(commands.__path__):
        command = getattr(importlib.import_module(f"{commands.__name__}.{found.name}"), found.name)
        name = found.name.replace("_", "-")
        wrapped = with_common_options(guarded(without_empty_texts(command)))
        app.command(name, help=help_text(command), context_settings=HELP)(wrapped)


register_commands()
