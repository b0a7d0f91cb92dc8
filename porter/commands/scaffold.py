"""`porter scaffold`: write the TensorFlow twin of a PyTorch model and prove it."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from porter.base import console
from porter.base.claim import claimed
from porter.base.early_checks import (
    check_choice,
    check_input_file,
    check_one_named,
    check_output_file,
    check_output_folder,
)
from porter.base.errors import UsageError
from porter.base.plain_options import Arguments, Inputs
from porter.port.summary_text import all_proven, summary

if TYPE_CHECKING:
    from porter.port.chain import Options
    from porter.port.handwork import Overwrite

TARGETS = ("standalone", "transformers4")
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Model type, model folder, modeling file, or local or Hub repository.")
]
Model = Annotated[str, typer.Option(metavar="NAME", help="The same as an option, as other commands have it.")]
FromFile = Annotated[Path | None, typer.Option(help="File that names many models, one a line, in place of NAME.")]
Output = Annotated[Path, typer.Option(help="Folder for the generated files.")]
Classes = Annotated[
    list[str] | None, typer.Option("--class", metavar="NAME", help="Compare this class only; repeatable.")
]
Sample = Annotated[Path | None, typer.Option(help="JSON file with a tiny configuration and its inputs.")]
ReportFile = Annotated[Path | None, typer.Option(help="Write the result as JSON to this file too.")]
Verify = Annotated[bool, typer.Option("--verify/--no-verify", help="Compare each class with PyTorch.")]
Target = Annotated[str, typer.Option(help="What the generated file builds on: standalone or transformers4.")]
Tree = Annotated[Path | None, typer.Option(help="Checkout of transformers 4.57 to put the port into.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change in the tree, and change nothing.")]
Undo = Annotated[bool, typer.Option("--undo", help="Take back what porter changed in the tree for NAME.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files there that were changed by hand.")]
Merge = Annotated[
    bool, typer.Option("--merge", help="Merge changes by hand with what porter writes now, as git does.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Trust = Annotated[bool, typer.Option("--trust-remote-code", help="Allow code that lies in the model's repository.")]


def scaffold(
    name: Name = "",
    model: Model = "",
    from_file: FromFile = None,
    output: Output = Path(),
    classes: Classes = None,
    arguments: Arguments = None,
    inputs: Inputs = None,
    sample: Sample = None,
    report: ReportFile = None,
    verify: Verify = True,
    target: Target = TARGETS[0],
    tree: Tree = None,
    dry_run: DryRun = False,
    undo: Undo = False,
    force: Force = False,
    merge: Merge = False,
    as_json: AsJson = False,
    trust_remote_code: Trust = False,
) -> None:
    """Write modeling_tf_NAME.py and its test, and compare each class with PyTorch.

    Exit code 1 when a class differs or a line was left untranslated; the Notes say which. Files at the output that
    were changed by hand since porter wrote them are not overwritten unless --force or --merge says so.

    Examples:
      porter scaffold bert
      porter scaffold bert --class BertModel --output ports/
      porter scaffold net.py --class Net --arguments '{"width": 64}' --input image=2x3x32x32:float32
      porter scaffold brand_new_bert --sample examples/brand_new_bert/sample.json --report report.json
      porter scaffold --from-file names.txt --output ports/
      porter scaffold megatron_bert --target transformers4 --output tree/
      porter scaffold megatron_bert --target transformers4 --tree transformers/ --dry-run
    """
    check_choice("--target", target, TARGETS)
    check_output_folder(output)
    check_one_named((name, model, from_file), "porter scaffold NAME, or --from-file names.txt")
    if from_file is not None and report is not None:
        raise UsageError("--report is about one model.", hint="--json prints the results of many")
    check_input_file("--sample", sample)
    check_output_file("--report", report)
    check_tree_options(tree, dry_run or undo, target, from_file)
    if tree is not None and undo:
        with claimed(tree):
            take_back_port(tree, name or model, force)
        return
    from porter.port.chain import Options
    from porter.subject.inputs.parse_input import parse_arguments, parse_input
    from porter.subject.plain_modules import Given

    given = Given(parse_arguments(arguments), tuple(map(parse_input, inputs or ())))
    options = Options(name or model, output, tuple(classes or ()), sample, verify, trust_remote_code,
                      overwrite_of(force, merge), given, target, tree)  # fmt: skip
    with claimed(tree or output):
        if from_file is not None:
            port_many(options, from_file, as_json)
        else:
            port_one(options, report, as_json, dry_run)


def check_tree_options(tree: Path | None, needs_tree: bool, target: str, from_file: Path | None) -> None:
    """Refuse options about a tree that do not go together.

    Raises:
        UsageError: they do not.
    """
    if tree is None and needs_tree:
        raise UsageError("--dry-run and --undo are about a tree.", hint="--tree CHECKOUT")
    if tree is not None and target != "transformers4":
        raise UsageError("--tree is for --target transformers4.", hint="--target transformers4, or --output FOLDER")
    if tree is not None and from_file is not None:
        raise UsageError("--tree takes one family at a time.", hint="porter scaffold NAME --tree CHECKOUT")


def take_back_port(tree: Path, family: str, force: bool) -> None:
    """Give a tree back what porter changed there for a family."""
    from porter.port.tree_changes import take_back

    for path in take_back(tree, family.replace("-", "_"), force):
        console.say(f"{path} is as it was")


def overwrite_of(force: bool, merge: bool) -> Overwrite:
    """What is done with files that were changed by hand.

    Raises:
        UsageError: two things at once.
    """
    from porter.port.handwork import Overwrite

    if force and merge:
        raise UsageError("--force and --merge exclude each other.", hint="give one of them")
    return Overwrite.FORCE if force else Overwrite.MERGE if merge else Overwrite.REFUSE


def port_one(options: Options, report: Path | None, as_json: bool, dry_run: bool = False) -> None:
    """Port a model and show the result; what it changes in a tree is shown too, and made unless it is a dry run.

    Raises:
        Exit: not all of it is proven.
    """
    from porter.base import files
    from porter.base.scratch import scratch_folder
    from porter.port.chain import run
    from porter.port.tree_changes import changes_in

    with nullcontext(options.output) if options.tree is None else scratch_folder() as output:
        result = run(replace(options, output=output))
        written = list(result.written)
        if options.tree is not None:
            changes = changes_in(options.tree, output, written[0])
            console.say(changes.diff())
            written = [] if dry_run else changes.make()
    data = result.to_json()
    if as_json:
        console.result_json(data)
    else:
        console.result(summary(data, [str(path) for path in written], console.is_verbose()))
    if report is not None:
        files.write_text(report, json.dumps(data, indent=2) + "\n")
        console.say(f"wrote {report}")
    if not all_proven(data, options.verify):
        raise typer.Exit(1)


def port_many(options: Options, names: Path, as_json: bool) -> None:
    """Port every model that a file names, and show how each ended.

    Raises:
        Exit: not all is proven of all of them.
    """
    from porter.base.many import Many, show
    from porter.port.chain import run

    def work(name: str) -> bool:
        result = run(replace(options, name=name))
        data = result.to_json()
        if not as_json:
            text = summary(data, [str(path) for path in result.written], console.is_verbose())
            console.result(f"{text}\n")
        return all_proven(data, options.verify)

    asked = {"command": "scaffold", "in": str(Path.cwd()), "options": repr(options)}
    code = show(Many(names, asked).run(work), as_json)
    if code:
        raise typer.Exit(code)
