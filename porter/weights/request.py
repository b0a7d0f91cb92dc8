"""What `porter pt-to-tf` was asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from porter.base.byte_size import size
from porter.base.early_checks import check_output_folder, check_tf
from porter.base.errors import UsageError
from porter.base.installed import need
from porter.base.plain_options import PlainOptions

if TYPE_CHECKING:
    from porter.weights.conversion import Options
    from porter.weights.plain_conversion import Converted

# Format and size of the largest file where nothing else is asked for.
WRITTEN = ("h5", "5GB")


@dataclass(frozen=True)
class Request:
    """Each as the option of its name; `output` is None where it follows from the model's name."""

    model: str
    output: Path | None
    local_dir: Path | None
    revision: str | None
    tf: str | None
    override_model_class: str | None
    max_error: float
    seed: int
    weight_format: str
    dtype: str | None
    max_shard_size: str
    max_memory: str | None
    new_weights: bool
    no_pr: bool
    push: bool
    private: bool
    yes: bool
    extra_commit_description: str
    with_code: bool
    token: str | None
    resume: bool
    dry_run: bool
    trust_remote_code: bool

    @property
    def place(self) -> Path:
        """The folder to be made."""
        return self.output or Path(f"{Path(self.model).absolute().name}-tf")

    def check(self) -> None:
        """Refuse what cannot be meant, before anything is fetched or imported.

        Raises:
            UsageError: an option has no meaning, or a pull request is wanted and the model is a folder.
            NotInstalled: what the command runs is missing.
        """
        need("torch", "tensorflow", "transformers", "huggingface_hub", "jinja2")
        check_output_folder(self.place)
        check_tf(self.tf)
        if self.max_memory:
            size(self.max_memory, "--max-memory 4GB")
        size(self.max_shard_size)
        _check_error(self.max_error)
        if not (self.resume or self.dry_run):
            from porter.weights.convert.output_folder import check_free

            check_free(self.place)
        if not (self.no_pr or self.dry_run) and Path(self.model).is_dir():
            sentence = f"{self.model} is a folder, so there is no repository to propose to."
            raise UsageError(sentence, hint="add --no-pr")

    def options(self) -> Options:
        """The conversion, its weights fetched.

        Raises:
            UsageError: there are no such weights, or they have been converted before.
        """
        from porter.hub.fetch import Fetch, local_copy
        from porter.weights.conversion import Options
        from porter.weights.options import check_new, written_as

        target = written_as(self.weight_format, self.dtype, self.max_shard_size)
        fetch = Fetch(self.revision, self.token, self.local_dir, with_code=self.trust_remote_code)
        folder = self._local_source() if self.private else local_copy(self.model, fetch)
        check_new(folder, self.model, self.new_weights)
        name = self.override_model_class and self.override_model_class.removeprefix("TF")
        memory = size(self.max_memory) if self.max_memory else None
        return Options(folder, self.place, self.model, self.tf, name, self.max_error, self.seed, target,
                       self.with_code, self.trust_remote_code, memory, self.revision)  # fmt: skip

    def _local_source(self) -> Path:
        """The weights for a repository that may not be there yet."""
        if self.local_dir is None or not self.local_dir.is_dir() or not self.push:
            raise UsageError("--private takes the weights from --local-dir and needs --push.")
        return self.local_dir


def _check_error(max_error: float) -> None:
    if not math.isfinite(max_error):
        raise UsageError(f"--max-error {max_error} allows every difference.", hint="--max-error 1e-3")


# What is about checkpoints and the Hub only.
NOT_OF_PLAIN = (
    "local_dir", "revision", "override_model_class", "seed", "dtype", "max_memory", "new_weights", "push", "private",
    "yes", "extra_commit_description", "token", "resume", "dry_run", "trust_remote_code",
)  # fmt: skip


@dataclass(frozen=True)
class PlainRequest:
    """A plain `nn.Module` in place of a checkpoint, and the other options."""

    plain: PlainOptions
    rest: Request

    def check(self) -> bool:
        """Whether a plain module is meant, after refusing what cannot be.

        Raises:
            UsageError: a side or the output is missing, or an option is about checkpoints or plain modules only.
            NotInstalled: what the command runs is missing.
        """
        self.plain.check("--torch FILE:CLASS --weights FILE.pt --output FOLDER")
        if self.plain.torch is None:
            return False
        check_tf(self.rest.tf)
        needed = {"--weights FILE.pt": self.plain.weights, "--output FOLDER": self.rest.output}
        missing = [option for option, value in needed.items() if value is None]
        if missing:
            raise UsageError(f"--torch needs {missing[0].partition(' ')[0]} too.", hint=" ".join(missing))
        others = [name.replace("_", "-") for name in NOT_OF_PLAIN if getattr(self.rest, name)]
        others += (
            [] if (self.rest.weight_format, self.rest.max_shard_size) == WRITTEN else ["format, --max-shard-size"]
        )
        if others:
            raise UsageError(f"--{others[0]}: this does not go with --torch.", hint="leave it out")
        need("torch", "tensorflow", "transformers")
        check_output_folder(self.rest.output)
        _check_error(self.rest.max_error)
        return True

    def convert(self) -> Converted:
        """Convert the weights. Raises what `convert_plain` raises."""
        from porter.port.plain_pair import Named
        from porter.weights.plain_conversion import convert_plain

        named = Named.of(self.plain, self.rest.tf)
        return convert_plain(named, self.rest.place, self.rest.max_error)
