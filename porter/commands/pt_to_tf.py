"""`porter pt-to-tf`: PyTorch weights become TensorFlow weights, proven against PyTorch, proposed on the Hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from porter.base import console
from porter.base.errors import UsageError
from porter.base.installed import need

if TYPE_CHECKING:
    from porter.hub.pull_request import Opened
    from porter.weights.conversion import Options


# What a pull request holds of the output: the repository has the rest already.
UPLOADED = ("tf_model", "saved_model/", "modeling_tf_", "configuration_", "README.md")

ModelName = Annotated[str, typer.Option(help="Folder, or Hub repository owner/name, with PyTorch weights.")]
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
    model_name: ModelName,
    output: Output = None,
    local_dir: LocalDir = None,
    revision: Revision = None,
    tf: Tf = None,
    override_model_class: ModelClass = None,
    max_error: MaxError = 5e-5,
    seed: Seed = 0,
    weight_format: Format = "h5",
    dtype: Dtype = None,
    max_shard_size: ShardSize = "5GB",
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
    rounding (float32 against float64) explains it.

    Examples:
      porter pt-to-tf --model-name owner/name
      porter pt-to-tf --model-name ./my-model --no-pr --output ./my-model-tf
      porter pt-to-tf --model-name ./my-model --tf ports/modeling_tf_bert.py --no-pr --dry-run
    """
    from porter.base.byte_size import size
    from porter.hub.fetch import Fetch, local_copy
    from porter.weights.conversion import Options
    from porter.weights.options import check_new, written_as

    check_possible(model_name, not (no_pr or dry_run))
    fetch = Fetch(revision, token, local_dir, with_code=trust_remote_code)
    folder = local_source(local_dir, push) if private else local_copy(model_name, fetch)
    check_new(folder, model_name, new_weights)
    target = written_as(weight_format, dtype, max_shard_size)
    place = output or Path(f"{Path(model_name).absolute().name}-tf")
    name = override_model_class and override_model_class.removeprefix("TF")
    memory = size(max_memory, "--max-memory 4GB") if max_memory else None
    options = Options(
        folder, place, model_name, tf, name, max_error, seed, target, with_code, trust_remote_code, memory, revision
    )
    if dry_run:
        show_plan(options, as_json)
        return
    data = converted(options, resume)
    tell(data, options.output, as_json)
    words = Words(token, extra_commit_description, private)
    tell_opened(None if no_pr else publish(options, data, words, yes if push else None), data, as_json)


def check_possible(model_name: str, wanted: bool) -> None:
    """Refuse to begin without the frameworks, or with a folder as the place for a pull request.

    Raises:
        UsageError: it is one.
        NotInstalled: what the command runs is missing.
    """
    need("torch", "tensorflow", "transformers", "huggingface_hub", "jinja2")
    if wanted and Path(model_name).is_dir():
        raise UsageError(f"{model_name} is a folder, so there is no repository to propose to.", hint="add --no-pr")


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


def local_source(local_dir: Path | None, push: bool) -> Path:
    """The weights for a repository that may not be there yet.

    Raises:
        UsageError: there is no such folder, or nothing is pushed.
    """
    if local_dir is None or not local_dir.is_dir() or not push:
        raise UsageError("--private takes the weights from --local-dir and needs --push.")
    return local_dir


@dataclass(frozen=True)
class Words:
    """What goes to the Hub beside the files: the token, the user's words, and who may see it."""

    token: str | None
    extra: str
    private: bool


def publish(options: Options, data: Mapping[str, Any], words: Words, sure: bool | None) -> Opened:
    """Propose the files on the Hub; with `sure` not None push them to main, after asking where it is False."""
    from porter.hub import pull_request as hub
    from porter.weights.report.conversion_report import body, check_unchanged

    check_unchanged(options.output, data)
    upload = tuple(name for name in data["files"] if words.private or name.startswith(UPLOADED))
    text = body(data, upload, words.extra)
    proposal = hub.Proposal(options.name, options.output, upload, text, words.token, words.private)
    if sure is None:
        return hub.propose(proposal)
    if not sure and not typer.confirm(f"Commit {', '.join(upload)} to main of {options.name}?", err=True):
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
