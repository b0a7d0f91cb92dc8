"""Where the PyTorch weights come from: a folder, or a repository on the Hub, fetched into the Hub's cache."""

from __future__ import annotations

from pathlib import Path

from porter.errors import UsageError

# Weights in one format only; code is fetched by whoever is allowed to run it.
WANTED = ("*.json", "*.txt", "*.model", "*.jinja", "modeling_tf_*.py")


def local_copy(name: str, revision: str | None = None) -> Path:
    """The folder `name`, or the local copy of the Hub repository `name`.

    Raises:
        UsageError: it is neither, or the Hub does not give it.
    """
    folder = Path(name)
    if folder.is_dir():
        return folder
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise UsageError(f"There is no folder {name}.", hint="give a folder or a Hub repository owner/name")
    return _download(name, revision)


def _download(name: str, revision: str | None) -> Path:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        files = HfApi().list_repo_files(name, revision=revision)
        weights = next((kind for kind in ("*.safetensors", "*.bin") if any(Path(f).match(kind) for f in files)), None)
        if weights is None:
            raise UsageError(f"{name} holds no PyTorch weights.", hint="choose a repository with model.safetensors")
        return Path(snapshot_download(name, revision=revision, allow_patterns=[*WANTED, weights]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        first = str(error).strip().partition("\n")[0]
        raise UsageError(f"The Hub did not give {name}: {first}", hint="check the name and the connection") from error
