"""`porter rules`: the rule table, from the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from porter.base import console
from porter.base.early_checks import check_input_file
from porter.base.errors import UsageError


def rules(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A torch name such as torch.sum, or its end.")] = "",
    missing: Annotated[
        Path | None, typer.Option(help="List the torch names this modeling file calls and no rule translates.")
    ] = None,
    stub: Annotated[str, typer.Option(metavar="NAME", help="Print a declaration for NAME to fill in.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Show what torch names become in TensorFlow.

    Without NAME, all declared names are listed. Exit code 1 when --missing finds something.

    Examples:
      porter rules
      porter rules torch.Tensor.transpose
      porter rules --missing modeling_brand_new_bert.py
      porter rules --stub torch.Tensor.scatter_
    """
    if sum(map(bool, (name, missing, stub))) > 1:
        raise UsageError("NAME, --missing and --stub ask different questions.", hint="give one of them")
    check_input_file("--missing", missing)
    from porter.rulebook import listing as rulebook

    if missing is not None:
        _show_missing(missing, as_json)
    elif stub:
        _show(as_json, {"stub": rulebook.stub(stub)}, rulebook.stub(stub))
    elif name:
        found = rulebook.find(name)
        _show(as_json, rulebook.row(found), rulebook.describe(found))
    else:
        known = list(rulebook.declarations())
        rows = [(name, rulebook.translation_text(found)) for name, found in known]
        as_data = {"rules": [{"name": name, **rulebook.row(found)} for name, found in known]}
        _show(as_json, as_data, console.aligned(("NAME", "BECOMES"), rows))


def _show(as_json: bool, data: Mapping[str, object], text: str) -> None:
    if as_json:
        console.result_json({"schema": 1, **data})
    else:
        console.result(text)


def _show_missing(file: Path, as_json: bool) -> None:
    from porter.rulebook import listing as rulebook

    found = rulebook.missing(file)
    rows = [(f"{file.name}:{entry.lines[0]}", str(len(entry.lines)), entry.name) for entry in found]
    text = console.aligned(("FIRST AT", "CALLS", "NAME"), rows) if rows else "Every torch name has a rule."
    _show(as_json, {"missing": [{"name": entry.name, "lines": list(entry.lines)} for entry in found]}, text)
    if found:
        console.say(f"hint: porter rules --stub {found[0].name}")
        raise typer.Exit(1)
