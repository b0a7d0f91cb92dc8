"""`porter pt-to-tf`: PyTorch weights become TensorFlow weights, proven against PyTorch, proposed on the Hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from porter.base import console
from porter.base.early_checks import check_one_named
from porter.base.many import Many, show
from porter.base.plain_options import Arguments, Inputs, PlainOptions, Sample, Torch, Weights
from porter.weights.request import WRITTEN, PlainRequest, Request

if TYPE_CHECKING:
    from porter.hub.client.pull_request import Opened
    from porter.weights.conversion import Options


# What a pull request holds of the output: the repository has the rest already.
UPLOADED = ("tf_model", "saved_model/", "modeling_tf_", "configuration_", "README.md")

Model = Annotated[
    str | None,
    typer.Option("--model", "--model-name", help="Folder, or Hub repository owner/name, with PyTorch weights."),
]
FromFile = Annotated[
    Path | None, typer.Option(help="File that names many models, one a line; each is made below --output.")
]
Output = Annotated[Path | None, typer.Option(help="Folder to be made for the TensorFlow model. Default: NAME-tf.")]
LocalDir = Annotated[Path | None, typer.Option(help="Folder to download the repository to. Default: the Hub's cache.")]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of the repository.")]
Tf = Annotated[
    str | None,
    typer.Option(metavar="FILE[:CLASS]", help="TensorFlow modeling file; default: beside the weights, else made."),
]
ModelClass = Annotated[
    str | None, typer.Option(metavar="CLASS", help="Class to load, instead of the one that config.json names.")
]
MaxError = Annotated[
    float, typer.Option(min=0, help="Greatest absolute difference allowed, of outputs and of hidden states.")
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the inputs that the models are compared on.")]
Format = Annotated[str, typer.Option("--format", help="h5, safetensors, keras or saved-model.")]
Dtype = Annotated[str | None, typer.Option(help="Type of the written weights, as float16. Default: as they are.")]
ShardSize = Annotated[str, typer.Option(help="Size of the largest weight file.")]
MaxMemory = Annotated[
    str | None,
    typer.Option(help="Memory for all of it, as 4GB; where models do not fit, they are compared in blocks."),
]
NewWeights = Annotated[bool, typer.Option("--new-weights", help="Convert although there are TensorFlow weights.")]
NoPr = Annotated[bool, typer.Option("--no-pr", help="Open no pull request on the Hub.")]
Push = Annotated[bool, typer.Option("--push", help="Commit to main instead of opening a pull request.")]
Private = Annotated[
    bool, typer.Option("--private", help="With --push: to a private repository, made if need be, from --local-dir.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before --push.")]
Extra = Annotated[str, typer.Option(help="Text to add to the pull request's description.")]
WithCode = Annotated[bool, typer.Option("--with-code/--no-code", help="Add the TensorFlow modeling file.")]
Token = Annotated[str | None, typer.Option(help="Token for the Hub. Default: the one you are logged in with.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with what an earlier run wrote to the output.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Trust = Annotated[bool, typer.Option("--trust-remote-code", help="Allow code that lies in the model's repository.")]


def pt_to_tf(
    model: Model = None,
    from_file: FromFile = None,
    output: Output = None,
    local_dir: LocalDir = None,
    revision: Revision = None,
    tf: Tf = None,
    torch: Torch = None,
    arguments: Arguments = None,
    inputs: Inputs = None,
    weights: Weights = None,
    sample: Sample = None,
    override_model_class: ModelClass = None,
    max_error: MaxError = 5e-5,
    seed: Seed = 0,
    weight_format: Format = WRITTEN[0],
    dtype: Dtype = None,
    max_shard_size: ShardSize = WRITTEN[1],
    max_memory: MaxMemory = None,
    new_weights: NewWeights = False,
    no_pr: NoPr = False,
    push: Push = False,
    private: Private = False,
    yes: Yes = False,
    extra_commit_description: Extra = "",
    with_code: WithCode = True,
    token: Token = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    trust_remote_code: Trust = False,
) -> None:
    """Convert a PyTorch checkpoint to TensorFlow, compare it with PyTorch before and after, and propose it on the Hub.

    Exit code 1 and nothing at the output when a difference is greater than --max-error, unless PyTorch's own
    rounding (float32 against float64) explains it. Of a plain nn.Module a weights file of Keras is written.

    Examples:
      porter pt-to-tf --model owner/name
      porter pt-to-tf --model ./my-model --no-pr --output ./my-model-tf
      porter pt-to-tf --torch net.py:Net --arguments '{"width": 64}' --weights net.pt --tf tf_net.py --output out
      porter pt-to-tf --from-file names.txt --no-pr --output converted/
      porter pt-to-tf --model ./my-model --tf ports/modeling_tf_bert.py --no-pr --dry-run
    """
    check_one_named((model, from_file, torch), "porter pt-to-tf --model NAME, or --from-file names.txt")
    request = Request(
        model or "", output, local_dir, revision, tf, override_model_class, max_error, seed, weight_format, dtype,
        max_shard_size, max_memory, new_weights, no_pr, push, private, yes, extra_commit_description, with_code,
        token, resume, dry_run, trust_remote_code,
    )  # fmt: skip
    plain = PlainRequest(PlainOptions(torch, arguments, tuple(inputs or ()), weights, sample), request)
    if plain.check():
        convert_module(plain, as_json)
        return
    if from_file is None:
        convert_one(request, as_json)
        return
    code = show(Many(from_file, settings(request)).run(lambda name: convert_among(request, name, as_json)), as_json)
    if code:
        raise typer.Exit(code)


def convert_one(request: Request, as_json: bool) -> None:
    """Convert a checkpoint, say what was proven, and propose it where that is wanted."""
    request.check()
    options = request.options()
    if request.dry_run:
        show_plan(options, as_json)
        return
    data = converted(options, request.resume)
    tell(data, options.output, as_json)
    opened = None if request.no_pr else publish(options, data, request)
    tell_opened(opened, data, as_json)


def convert_module(plain: PlainRequest, as_json: bool) -> None:
    """Convert the weights of a plain module and say what was proven."""
    done = plain.convert()
    if as_json:
        console.result_json(done.to_json())
        return
    for line in done.sentences():
        console.result(line)


def convert_among(request: Request, name: str, as_json: bool) -> bool:
    """Convert one of many, into a folder of its own below the output; what it is like is said unless as JSON."""
    place = (request.output or Path()) / f"{Path(name).absolute().name}-tf"
    one = replace(request, model=name, output=place)
    one.check()
    options = one.options()
    data = converted(options, one.resume)
    tell(data, options.output, as_json)
    if not one.no_pr:
        console.say(f"proposed: {publish(options, data, one).url}")
    return bool(data["matches"])


def settings(request: Request) -> dict[str, str]:
    """What decides whether a conversion that was done before is the one that is wanted."""
    return {"command": "pt-to-tf", "in": str(Path.cwd()), "options": repr(replace(request, token=None))}


def tell(data: Mapping[str, Any], output: Path, as_json: bool) -> None:
    """Show what was converted; as JSON it comes at the end."""
    from porter.weights.report.conversion_report import summary

    if not as_json:
        console.result(summary(data, output))


def tell_opened(opened: Opened | None, data: Mapping[str, Any], as_json: bool) -> None:
    """Show where it was proposed; as JSON with all that was said before."""
    if as_json:
        console.result_json({**data, "url": opened and opened.url})
    elif opened is not None:
        console.result(f"{'updated' if opened.updated else 'opened'} {opened.url}")


def converted(options: Options, resume: bool) -> Mapping[str, Any]:
    """The report: of what lies at the output already, where that is wanted, else of a new conversion."""
    from porter.weights.conversion import run
    from porter.weights.earlier_run import earlier_report

    found = earlier_report(options) if resume else None
    return found if found is not None else run(options)


def publish(options: Options, data: Mapping[str, Any], request: Request) -> Opened:
    """Propose the files on the Hub; with --push commit them to main, after asking unless --yes says so."""
    from porter.hub.client import pull_request as hub
    from porter.weights.report.conversion_report import body, check_unchanged

    check_unchanged(options.output, data)
    upload = tuple(name for name in data["files"] if request.private or name.startswith(UPLOADED))
    text = body(data, upload, request.extra_commit_description)
    proposal = hub.Proposal(options.name, options.output, upload, text, request.token, request.private)
    if not request.push:
        return hub.propose(proposal)
    if not request.yes and not typer.confirm(f"Commit {', '.join(upload)} to main of {options.name}?", err=True):
        raise typer.Exit(1)
    return hub.push(proposal)


def show_plan(options: Options, as_json: bool) -> None:
    """What a run would write."""
    from porter.weights.conversion import prepared
    from porter.weights.convert.convert import plan_jobs

    with prepared(options) as conversion:
        plan = conversion.plan
        size = sum(job.entry.size for job in plan_jobs(plan, options.target))
        moves = [
            {"from": move.source, "to": move.target.path, "layout": str(move.target.layout)} for move in plan.moves
        ]
    unused = list(plan.pairing.unexpected)
    if as_json:
        console.result_json({"schema": 1, "class": plan.class_name, "bytes": size, "moves": moves, "unused": unused})
        return
    console.result_table(("PYTORCH", "TENSORFLOW"), [(move["from"], move["to"]) for move in moves])
    console.result(f"\n{plan.class_name}: {len(moves)} variables, {size / 1e6:.1f} MB; nothing was written.")
    if unused:
        console.result(f"not used: {', '.join(unused)}")
