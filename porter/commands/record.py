"""`porter record`: save what one side does, to be compared elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from porter.base import console
from porter.base.early_checks import check_choice, check_input_file, check_output_file, check_tf
from porter.base.errors import UsageError
from porter.base.scratch import scratch_folder

if TYPE_CHECKING:
    from diffcheck.record.recording import Recording

FRAMEWORKS = ("pytorch", "tensorflow")


def record(
    model: Annotated[str, typer.Option(help="Folder or Hub repository with PyTorch weights.")],
    output: Annotated[Path, typer.Option(help="File for the recording.")],
    framework: Annotated[str, typer.Option(help="Which side to run: pytorch or tensorflow.")] = FRAMEWORKS[0],
    tf: Annotated[
        str | None,
        typer.Option(metavar="FILE[:CLASS]", help="TensorFlow side; default: beside the weights, else scaffolded."),
    ] = None,
    inputs: Annotated[
        Path | None, typer.Option(help="Inputs by argument name: .npz or .json, or a recording.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Allow code that lies in the model's repository.")
    ] = False,
) -> None:
    """Run one side of a model and save every module's inputs and outputs.

    Two recordings, made where the two frameworks cannot be installed together, are compared by porter diff. Give the
    second run the first recording as --inputs, so that both see the same.

    Examples:
      porter record --model ./my-model --output pytorch.rec
      porter record --model ./my-model --framework tensorflow --inputs pytorch.rec --output tensorflow.rec
      porter diff pytorch.rec tensorflow.rec
    """
    check_choice("--framework", framework, FRAMEWORKS)
    check_tf(tf)
    check_output_file("--output", output)
    if output.exists() and not output.is_file():
        sentence = "The output has to be a file, and this is a pipe or a device."
        raise UsageError(sentence, place=str(output), hint="--output FILE")
    check_input_file("--inputs", inputs)
    if framework == "tensorflow" and inputs is None:
        raise UsageError("A TensorFlow run needs --inputs.", hint="--inputs pytorch.rec")
    import diffcheck
    from diffcheck.record.storage import save
    from porter.diff.model_sides import check_inputs, load_tensorflow
    from porter.hub.fetch import Fetch, local_copy
    from porter.hub.trust import model_named_by
    from porter.port.find_port import find_port
    from porter.subject.inputs.for_checkpoint import inputs_for, read_inputs
    from porter.subject.torch_checkpoint import load_torch

    folder = local_copy(model, Fetch(with_code=trust_remote_code))
    with scratch_folder() as scratch, console.working("record"):
        if framework == "tensorflow":
            assert inputs is not None
            port = load_tensorflow(folder, find_port(folder, tf, scratch, trust_remote_code))
            stored = diffcheck.record_tensorflow(port, read_inputs(inputs))
        else:
            named = model_named_by(tf)
            torch_model = load_torch(folder, trust_remote_code=trust_remote_code, named=named)
            given = read_inputs(inputs) if inputs else inputs_for(folder, torch_model, trust=trust_remote_code)
            check_inputs(torch_model, given)
            stored = diffcheck.record_torch(torch_model, given)
        save(stored, output)
    show(stored.recording, output, as_json)


def show(recording: Recording, output: Path, as_json: bool) -> None:
    """What was saved.

    Raises:
        Exit: the run stopped early.
    """
    crash, calls, size = recording.crash, len(recording.calls), output.stat().st_size
    if as_json:
        found = {"schema": 1, "file": str(output), "calls": calls, "bytes": size, "crash": crash and crash.message}
        console.result_json(found)
    else:
        console.result(f"wrote {output}: {calls} calls of modules, {size:,} bytes")
    if crash:
        console.say(f"the run stopped early: {crash.message}")
        raise typer.Exit(1)
