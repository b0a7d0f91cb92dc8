"""`porter pt-to-tf`: PyTorch weights become TensorFlow weights, proven against PyTorch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from porter import console
from porter.errors import UsageError


def pt_to_tf(
    model_name: Annotated[str, typer.Option(help="Folder, or Hub repository owner/name, with PyTorch weights.")],
    output: Annotated[Path, typer.Option(help="Folder for the TensorFlow model; it must not exist yet.")],
    no_pr: Annotated[bool, typer.Option("--no-pr", help="Open no pull request on the Hub.")] = False,
    tf: Annotated[
        str | None,
        typer.Option(metavar="FILE[:CLASS]", help="TensorFlow modeling file; default: beside the weights, else made."),
    ] = None,
    max_error: Annotated[
        float, typer.Option(min=0, help="Greatest absolute difference allowed, of outputs and of hidden states.")
    ] = 5e-5,
    seed: Annotated[int, typer.Option(help="Seed of the inputs that the models are compared on.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Allow code that lies in the model's repository.")
    ] = False,
) -> None:
    """Convert a PyTorch checkpoint to TensorFlow and compare outputs and hidden states before and after.

    Exit code 1 and nothing at the output when a difference is greater than --max-error, unless PyTorch's own
    rounding (float32 against float64) explains it.

    Examples:
      porter pt-to-tf --model-name ./my-model --no-pr --output ./my-model-tf
      porter pt-to-tf --model-name ./my-model --tf ports/modeling_tf_bert.py --no-pr --output ./my-model-tf
    """
    if not no_pr:
        raise UsageError("Pull requests are not opened yet.", hint="add --no-pr")
    from porter.weights.pipeline import Options, run
    from porter.weights.source import local_copy

    source = local_copy(model_name)
    result = run(Options(source, output, tf, max_error, seed, trust_remote_code=trust_remote_code))
    data = result.to_json()
    if as_json:
        console.result_json(data)
    else:
        console.result(summary(data, output))


def summary(data: Mapping[str, Any], output: Path) -> str:
    """The four maxima, what they were measured on, and the files."""
    rows = [
        (stage, _number(found["outputs"]), _number(found["hidden_states"]))
        for stage, found in data["differences"].items()
    ]
    lines = [
        f"{data['class']} matches PyTorch on {len(data['trials'])} inputs: {', '.join(data['trials'])}.",
        "",
        console.aligned(("MAX DIFFERENCE", "OUTPUTS", "HIDDEN STATES"), rows),
        "",
    ]
    if data["unused"]:
        lines += [f"not used by {data['class']}: {', '.join(data['unused'])}", ""]
    return "\n".join(lines + [f"wrote {output / name}" for name in data["files"]])


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3e}"
