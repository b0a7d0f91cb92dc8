"""`save_pretrained` and `push_to_hub`: a model as a folder that `from_pretrained` reads, here or on the Hub."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import keras

from porter.base.byte_size import size
from porter.hub.client.upload import Upload, upload
from porter.runtime.generation.settings import as_mapping
from porter.runtime.model.saved_weights import weight_files, write_weights
from porter.runtime.port_errors import WrongValue
from porter.runtime.stored.repository import GENERATION_SETTINGS


class Published(keras.Model):
    """A model with a configuration that can be saved as a folder and uploaded."""

    config: Any
    generation_config: Any

    def save_pretrained(
        self,
        save_directory: str | Path,
        *,
        max_shard_size: int | str = "5GB",
        safe_serialization: bool = True,
        push_to_hub: bool = False,
        repo_id: str | None = None,
        **upload_options: Any,
    ) -> None:
        """Write `config.json` and the weights, which `from_pretrained` reads back.

        Files appear whole or not at all. TensorFlow weights that were in the folder before are replaced.

        Args:
            save_directory: the folder; it is made where there is none.
            max_shard_size: the size of one file, in bytes or such as `"200MB"`. Larger models are written as several
                files `tf_model-00001-of-00002.safetensors` and an index.
            safe_serialization: True writes `tf_model.safetensors` (TensorFlow's layout, variable paths as names),
                False `tf_model.h5`, as transformers 4 reads it.
            push_to_hub: upload the files too.
            repo_id: the repository `owner/name`; without it the folder's name in the user's own account.
            upload_options: further arguments of `push_to_hub`.

        Raises:
            WrongValue: the model is not built, or HDF5 cannot hold the type of its weights.
            TypeError: options for an upload that is not asked for.
            UsageError: `max_shard_size` is not a size.
            HubError: the Hub refuses the upload; the folder is whole.
        """
        if (upload_options or repo_id) and not push_to_hub:
            raise TypeError(
                f"save_pretrained takes {', '.join(upload_options) or 'repo_id'} with push_to_hub=True only."
            )
        folder = Path(save_directory)
        self._save(folder, max_shard_size, "safetensors" if safe_serialization else "h5")
        if push_to_hub:
            files = self._written_files(folder)
            upload(Upload(repo_id or folder.resolve().name, folder, files, **_upload_options(self, upload_options)))

    def push_to_hub(
        self,
        repo_id: str,
        *,
        max_shard_size: int | str = "5GB",
        safe_serialization: bool = True,
        **upload_options: Any,
    ) -> str:
        """Upload the configuration and the weights to a repository on the Hub, which is made where there is none.

        Args:
            repo_id: `owner/name`, or a name in the user's own account.
            max_shard_size: as in `save_pretrained`.
            safe_serialization: as in `save_pretrained`.
            upload_options: commit_message, commit_description; private, for a repository that is made; revision, the
                branch; create_pr, to open a pull request instead of a commit; token, by default the one that
                `hf auth login` has stored.

        Returns:
            The address of the commit or of the pull request.

        Raises:
            HubError: the Hub refuses, fails or cannot be reached.
        """
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            self._save(folder, max_shard_size, "safetensors" if safe_serialization else "h5")
            files = self._written_files(folder)
            return upload(Upload(repo_id, folder, files, **_upload_options(self, upload_options)))

    def _save(self, folder: Path, limit: int | str, ending: str) -> None:
        if not self.built:
            raise WrongValue(f"{type(self).__name__} has no weights yet: build it before saving.")
        limit = limit if isinstance(limit, int) else size(limit, 'max_shard_size="5GB"')
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".saving-") as scratch:
            beside = Path(scratch)
            self.config.architectures = [type(self).__name__.removeprefix("TF")]
            self.config.save_pretrained(beside)
            if self.generation_config is not None:
                settings = json.dumps(dict(as_mapping(self.generation_config)), indent=2, sort_keys=True)
                (beside / GENERATION_SETTINGS).write_text(f"{settings}\n", encoding="utf-8")
            write_weights(self, beside, ending, limit)
            former = weight_files(folder)
            written = sorted(beside.iterdir())
            for file in written:
                file.replace(folder / file.name)
            for name in former - {file.name for file in written}:
                (folder / name).unlink()

    def _written_files(self, folder: Path) -> tuple[str, ...]:
        settings = () if self.generation_config is None else (GENERATION_SETTINGS,)
        return ("config.json", *settings, *sorted(weight_files(folder)))


def _upload_options(model: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an upload by their names there."""
    renamed = {"commit_message": "message", "commit_description": "description"}
    known = (*renamed, "private", "revision", "create_pr", "token")
    unknown = [name for name in options if name not in known]
    if unknown:
        raise TypeError(f"An upload takes {', '.join(known)}, not {', '.join(unknown)}.")
    named = {renamed.get(name, name): value for name, value in options.items()}
    return {"message": f"Upload {type(model).__name__}", **named}
