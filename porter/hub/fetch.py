"""A folder, or a local copy of a repository on the Hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from porter.base.errors import UsageError
from porter.hub.client.pull_request import Patience, patiently
from porter.hub.digests import check_downloaded
from porter.hub.trust import check_links

if TYPE_CHECKING:
    pass


# Weights come in one format only.
COMPANIONS = ("*.json", "*.txt", "*.model", "*.jinja", "modeling_tf_*.py", "configuration_*.py", "README.md")
ADAPTER = "adapter_config.json"
TF_WEIGHTS = ("tf_model*.h5", "tf_model*.safetensors", "tf_model.keras")
TORCH_WEIGHTS = ("*.safetensors", "*.bin")


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
        UsageError: it is neither, a file of the folder is a link that leads out of it, or it holds an adapter.
        HubError: the Hub does not give it.
    """
    if Path(name).is_dir():
        check_links(Path(name), (*COMPANIONS, "*.py"))
        return merged(Path(name))
    if "://" in name or "@" in name:
        raise UsageError("A model is a folder or owner/name, no address.", hint="hf auth login keeps the token")
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise UsageError(f"There is no folder {name}.", hint="give a folder or a Hub repository owner/name")
    return merged(patiently(lambda: _download(name, fetch or Fetch()), name, patience or Patience()))


def merged(folder: Path) -> Path:
    """The folder, if what the model computes is in its own weights alone.

    Raises:
        UsageError: an adapter lies beside them, which peft would put into the layers.
    """
    if (folder / ADAPTER).exists():
        sentence = "This is an adapter that is not merged into the model's weights."
        raise UsageError(sentence, place=str(folder / ADAPTER), hint="peft's merge_and_unload() and save_pretrained()")
    return folder


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
    folder = Path(
        snapshot_download(
            name, revision=fetch.revision, token=fetch.token, local_dir=fetch.local_dir, allow_patterns=wanted
        )
    )
    check_downloaded(folder, [file for file in wanted if (folder / file).is_file()])
    return folder


def _matches(file: str, patterns: Sequence[str]) -> bool:
    return any(Path(file).match(pattern) for pattern in patterns)


def has_tensorflow(folder: Path) -> bool:
    """Whether there are TensorFlow weights."""
    return any(any(folder.glob(kind)) for kind in TF_WEIGHTS)
