"""`porter scaffold`: write the TensorFlow twin of a PyTorch model and prove it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from porter.base import console
from porter.base.errors import UsageError

TARGETS = ("standalone",)
Arguments = Annotated[
    str | None, typer.Option(metavar="JSON", help="Arguments of a plain nn.Module's constructor, as a JSON table.")
]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", metavar="NAME=2x3:float32", help="Input of a plain nn.Module; repeatable."),
]


def scaffold(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Model type, model folder, modeling file, or local or Hub repository."),
    ],
    output: Annotated[Path, typer.Option(help="Folder for the generated files.")] = Path(),
    classes: Annotated[
        list[str] | None, typer.Option("--class", metavar="NAME", help="Compare this class only; repeatable.")
    ] = None,
    arguments: Arguments = None,
    inputs: Inputs = None,
    sample: Annotated[Path | None, typer.Option(help="JSON file with a tiny configuration and its inputs.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the result as JSON to this file too.")] = None,
    verify: Annotated[bool, typer.Option("--verify/--no-verify", help="Compare each class with PyTorch.")] = True,
    target: Annotated[str, typer.Option(help="What the generated file builds on: standalone.")] = TARGETS[0],
    force: Annotated[bool, typer.Option("--force", help="Replace files there that were changed by hand.")] = False,
    merge: Annotated[
        bool, typer.Option("--merge", help="Merge changes by hand with what porter writes now, as git does.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Allow code that lies in the model's repository.")
    ] = False,
) -> None:
    """Write modeling_tf_NAME.py and its test, and compare each class with PyTorch.

    Exit code 1 when a class differs or a line was left untranslated; the Notes say which. Files at the output that
    were changed by hand since porter wrote them are not overwritten unless --force or --merge says so.

    Examples:
      porter scaffold bert
      porter scaffold bert --class BertModel --output ports/
      porter scaffold net.py --class Net --arguments '{"width": 64}' --input image=2x3x32x32:float32
      porter scaffold brand_new_bert --sample examples/brand_new_bert/sample.json --report report.json
    """
    if target not in TARGETS:
        raise UsageError(f"There is no target {target}.", hint=f"--target {' | '.join(TARGETS)}")
    from porter.base import files

    if force and merge:
        raise UsageError("--force and --merge exclude each other.", hint="give one of them")
    from porter.port.chain import Options, run
    from porter.port.handwork import Overwrite
    from porter.subject.inputs.parse_input import parse_arguments, parse_input
    from porter.subject.plain_modules import Given

    overwrite = Overwrite.FORCE if force else Overwrite.MERGE if merge else Overwrite.REFUSE
    given = Given(parse_arguments(arguments), tuple(map(parse_input, inputs or ())))
    result = run(Options(name, output, tuple(classes or ()), sample, verify, trust_remote_code, overwrite, given))
    data = result.to_json()
    if report is not None:
        files.write_text(report, json.dumps(data, indent=2) + "\n")
    if as_json:
        console.result_json(data)
    else:
        console.result(summary(data, [str(path) for path in result.written]))
    if not all_proven(data, verify):
        raise typer.Exit(1)


def all_proven(data: Mapping[str, Any], verify: bool) -> bool:
    """Whether nothing was left and, where it was asked for, each class matches."""
    left = any(note["level"] == "left" for note in data["notes"])
    classes = data["classes"]
    return not left and (not verify or (bool(classes) and all(_matches(entry) for entry in classes)))


def summary(data: Mapping[str, Any], written: list[str]) -> str:
    """Table of classes, Notes, what share is proven, and the files."""
    parts = []
    if data["classes"]:
        rows = [_class_row(entry) for entry in data["classes"]]
        others = data["not_compared"]
        rows += [(name, "not compared", "", "") for name in others]
        parts.append(console.aligned(("CLASS", "EAGER", "GRAPH", "WEIGHTS"), rows))
        parts += [failure for entry in data["classes"] for failure in _failures(entry)]
        proven = sum(_matches(entry) for entry in data["classes"])
        rest = f" {len(others)} more were written and not compared." if others else ""
        parts.append(f"{proven} of {len(data['classes'])} {'compared ' * bool(others)}classes match PyTorch.{rest}")
    if data["notes"]:
        parts.append("\n".join(_note_text(note) for note in data["notes"]))
    parts.append("\n".join(f"wrote {path}" for path in written) + f"  ({sum(data['seconds'].values()):.1f} s)")
    return "\n\n".join(parts)


def _matches(entry: Mapping[str, Any]) -> bool:
    return bool(entry["eager"]["ok"] and entry["graph"]["ok"]) and not any(entry["weights"].values())


def _class_row(entry: Mapping[str, Any]) -> tuple[str, str, str, str]:
    wrong = [f"{len(names)} {kind}" for kind, names in entry["weights"].items() if names]
    return entry["name"], _error(entry["eager"]), _error(entry["graph"]), ", ".join(wrong) or "ok"


def _error(side: Mapping[str, Any]) -> str:
    if side["max_abs"] is None:
        return "FAILED"
    return f"{side['max_abs']:.1e}" + ("" if side["ok"] else "  DIFFERS")


def _failures(entry: Mapping[str, Any]) -> list[str]:
    """What went wrong, in the words of the comparison; the tensors that found no place by name."""
    said = dict.fromkeys(entry[mode]["message"] for mode in ("eager", "graph") if not entry[mode]["ok"])
    named = [f"{kind}: {', '.join(names)}" for kind, names in entry["weights"].items() if names]
    return [f"{entry['name']}  {text}" for text in (*said, *named) if text]


def _note_text(note: Mapping[str, Any]) -> str:
    text = f"{note['file']}:{note['line']}  {note['level']}: {note['message']}"
    return f"{text}\n  hint: {note['hint']}" if note["hint"] else text
