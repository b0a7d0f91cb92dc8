"""How the command line itself behaves: options that every command has, and usage errors as sentences.

The errors of a command's own work are turned into sentences by `porter.base.guard`.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from porter.base import console
from porter.base.errors import UsageError
from porter.base.suggest import did_you_mean

WRONG_USAGE: type[Exception] = typer.BadParameter.__mro__[1]
VERBOSE_FRAMEWORKS = {"TRANSFORMERS_VERBOSITY": "info", "TF_CPP_MIN_LOG_LEVEL": "0"}

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but the result and errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Say more: what takes how long, and the frameworks' logs.")]


def with_common_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with --quiet and --verbose."""

    @functools.wraps(command)
    def run(*arguments: Any, quiet: bool = False, verbose: bool = False, **options: Any) -> None:
        if verbose:
            os.environ.update(VERBOSE_FRAMEWORKS)
        with console.speaking(console.Voice(quiet, verbose)):
            command(*arguments, **options)

    signature = inspect.signature(command, eval_str=True)
    own = list(signature.parameters.values())
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in (("quiet", Quiet), ("verbose", Verbose))
    ]
    run.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in (*own, *added)}
    return run


def without_empty_texts(command: Callable[..., None]) -> Callable[..., None]:
    """The command, which refuses a text that is empty, such as that of a shell variable that is not set.

    Raises:
        UsageError: naming the option or argument.
    """
    parameters = inspect.signature(command, eval_str=True).parameters

    @functools.wraps(command)
    def run(**given: Any) -> None:
        for name, value in given.items():
            texts = value if isinstance(value, list) else [value]
            if value != parameters[name].default and any(isinstance(each, str) and not each.strip() for each in texts):
                raise UsageError(f"{_called(parameters[name])} is empty.", hint="give it a value, or leave it out")
        command(**given)

    return run


def _called(parameter: inspect.Parameter) -> str:
    """How the user calls a parameter: `--feature`, or `FORMAT`."""
    about = next(iter(getattr(parameter.annotation, "__metadata__", ())), None)
    if isinstance(about, typer.models.ArgumentInfo):
        return about.metavar or parameter.name.upper()
    declared = getattr(about, "param_decls", None) or [f"--{parameter.name.replace('_', '-')}"]
    return str(declared[0])


class Commands(TyperGroup):
    """The commands; what is wrong with a command line is one sentence, a hint, and exit code 2."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the options before the command, and remember whether the result is wanted as JSON."""
        ctx.meta["porter.json"] = "--json" in args
        return list(self._told(ctx, lambda: super(Commands, self).parse_args(ctx, args)))

    def invoke(self, ctx: Any) -> Any:
        """Find the command, read its options, run it."""
        return self._told(ctx, lambda: super(Commands, self).invoke(ctx))

    def _told(self, ctx: Any, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except WRONG_USAGE as problem:
            if type(problem).__name__ == "NoArgsIsHelpError":
                raise
            console.error(self._as_sentence(problem), ctx.meta.get("porter.json", False))
            raise typer.Exit(UsageError.exit_code) from None

    def _as_sentence(self, problem: Any) -> UsageError:
        """The error in words, and what is probably meant."""
        option = problem.option_name if type(problem).__name__ == "NoSuchOption" else None
        context = problem.ctx
        usage = f"{context.command_path} --help" if context else "porter --help"
        if option is not None:
            known = [name for each in context.command.get_params(context) for name in each.opts] if context else []
            return UsageError(f"There is no option {option}.", hint=did_you_mean(option, known, usage))
        text = " ".join(problem.format_message().split())
        beginning = "No such command '"
        if text.startswith(beginning):
            name = text.removeprefix(beginning).partition("'")[0]
            return UsageError(f"There is no command {name}.", hint=did_you_mean(name, self.commands, usage))
        return UsageError(f"{text.rstrip('.')}.", hint=usage)
