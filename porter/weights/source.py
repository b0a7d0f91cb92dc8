"""What a command is given: a folder or a repository on the Hub, and how the weights are to be written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from porter.errors import UsageError
from porter.weights.hub import Patience, patiently

if TYPE_CHECKING:
    from porter.weights.convert import Target

# Weights come in one format only.
COMPANIONS = ("*.json", "*.txt", "*.model", "*.jinja", "modeling_tf_*.py", "configuration_*.py", "README.md")
TF_WEIGHTS = ("tf_model*.h5", "tf_model*.safetensors", "tf_model.keras")
TORCH_WEIGHTS = ("*.safetensors", "*.bin")
UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
DTYPES = ("float32", "float16", "bfloat16")
FORMATS = ("h5", "safetensors", "keras", "saved-model")


@dataclass(frozen=True)
class Fetch:
    """How a repository is fetched.

    Attributes:
        ported: TensorFlow weights will do; PyTorch's are left where they are if there are both.
        with_code: the repository's own code too, which the user allows to be run.
    """

    revision: str | None = None
    token: str | None = None
    local_dir: Path | None = None
    ported: bool = False
    with_code: bool = False


def local_copy(name: str, fetch: Fetch | None = None, patience: Patience | None = None) -> Path:
    """The folder `name`, or a local copy of the Hub repository `name`.

    Raises:
        UsageError: it is neither.
        HubError: the Hub does not give it.
    """
    if Path(name).is_dir():
        return Path(name)
    if "://" in name or "@" in name:
        raise UsageError("A model is a folder or owner/name, no address.", hint="hf auth login keeps the token")
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise UsageError(f"There is no folder {name}.", hint="give a folder or a Hub repository owner/name")
    return patiently(lambda: _download(name, fetch or Fetch()), name, patience or Patience())


def _download(name: str, fetch: Fetch) -> Path:
    from huggingface_hub import HfApi, snapshot_download

    files = HfApi(token=fetch.token).list_repo_files(name, revision=fetch.revision)
    own = [file for file in files if "/" not in file]
    ported = [file for file in own if _matches(file, TF_WEIGHTS)]
    torch = [file for file in own if file not in ported and _matches(file, TORCH_WEIGHTS)]
    safe = [file for file in torch if not file.endswith(".bin")]
    if not torch and not (fetch.ported and ported):
        raise UsageError(f"{name} holds no PyTorch weights.", hint="choose a repository with model.safetensors")
    weights = ported if fetch.ported and ported else [*ported, *(safe or torch)]
    companions = (*COMPANIONS, "*.py") if fetch.with_code else COMPANIONS
    wanted = [file for file in own if _matches(file, companions) or file in weights]
    return Path(
        snapshot_download(
            name, revision=fetch.revision, token=fetch.token, local_dir=fetch.local_dir, allow_patterns=wanted
        )
    )


def _matches(file: str, patterns: Sequence[str]) -> bool:
    return any(Path(file).match(pattern) for pattern in patterns)


def has_tensorflow(folder: Path) -> bool:
    """Whether there are TensorFlow weights."""
    return any(any(folder.glob(kind)) for kind in TF_WEIGHTS)


def check_new(folder: Path, name: str, new_weights: bool) -> None:
    """Refuse to convert again what has been converted, unless that is wanted.

    Raises:
        UsageError: there are TensorFlow weights already.
    """
    if not new_weights and has_tensorflow(folder):
        raise UsageError(f"{name} has TensorFlow weights already.", hint="--new-weights converts anew")


def target(weight_format: str, dtype: str | None, max_shard_size: str) -> Target:
    """How the weights are written.

    Raises:
        UsageError: an unknown format, type or size.
    """
    if weight_format not in FORMATS:
        raise UsageError(f"There is no format {weight_format}.", hint=f"--format {' | '.join(FORMATS)}")
    if dtype is not None and dtype not in DTYPES:
        raise UsageError(f"Weights are not written as {dtype}.", hint=f"--dtype {' | '.join(DTYPES)}")
    limit = size(max_shard_size)
    from porter.weights.convert import Target

    return Target(weight_format, dtype, limit)


def size(text: str, example: str = "--max-shard-size 5GB") -> int:
    """`5GB`, `200MB`, `2GiB` in bytes.

    Raises:
        UsageError: it is none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]i?B)", text.strip(), re.IGNORECASE)
    if found is None or float(found[1]) == 0:
        raise UsageError(f"{text!r} is no size.", hint=example)
    return int(float(found[1]) * UNITS[found[2].upper()])
