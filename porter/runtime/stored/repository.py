"""Files of a pretrained model: in a folder, or in a repository on the Hub."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from porter.runtime.stored.checkpoint import INDEX_FILES, SINGLE_FILES, inside, open_checkpoint, read_index
from porter.runtime.stored.tensor_source import Checkpoint, CheckpointError
from porter.runtime.stored.transfers import HubError, bounded_transfers, network_errors

GENERATION_SETTINGS = "generation_config.json"
TF_WEIGHTS = "tf_model.safetensors"
TF_WEIGHT_FILES = (TF_WEIGHTS, "tf_model.h5")
TF_INDEX_FILES = tuple(f"{name}.index.json" for name in TF_WEIGHT_FILES)


@dataclass(frozen=True)
class Repository:
    """A folder, or a Hub repository whose files are fetched when they are asked for.

    Attributes:
        name: path of a folder, or `owner/name`.
        options: keyword arguments of `huggingface_hub.hf_hub_download`: revision, token, cache_dir, subfolder ...
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def file(self, name: str) -> Path | None:
        """The local path of a file; None when the repository does not have it.

        Raises:
            CheckpointError: there is no such folder or repository, or it cannot be reached.
        """
        folder = Path(self.name, self.options.get("subfolder", ""))
        if folder.is_dir():
            return inside(folder, name) if (folder / name).exists() else None
        return self._download(name)

    def _download(self, name: str) -> Path | None:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import (
            EntryNotFoundError,
            HfHubHTTPError,
            HFValidationError,
            LocalEntryNotFoundError,
        )

        unreachable = f"{self.name} is not a folder, and the Hub did not give {name}"
        try:
            with bounded_transfers():
                return Path(hf_hub_download(self.name, name, **self.options))
        except LocalEntryNotFoundError as error:
            raise CheckpointError(f"{unreachable}.", hint="check the name and the connection") from error
        except EntryNotFoundError:
            return None
        except (HfHubHTTPError, HFValidationError, HubError, OSError, *network_errors()) as error:
            first_line = str(error).strip().partition("\n")[0]
            raise CheckpointError(f"{unreachable}: {first_line}", hint="check the name and your access") from error

    def torch_checkpoint(self) -> Checkpoint:
        """The PyTorch weights: safetensors before `.bin`, one file before several.

        Raises:
            CheckpointError: there are none, or they are damaged.
        """
        found = self._opened(SINGLE_FILES, INDEX_FILES)
        if found is not None:
            return found
        raise CheckpointError(
            f"{self.name} holds no PyTorch weights.", hint=f"it must hold {' or '.join(SINGLE_FILES)}"
        )

    def tf_checkpoint(self) -> Checkpoint:
        """The TensorFlow weights that `save_pretrained` wrote.

        Raises:
            CheckpointError: there are none, or they are damaged.
        """
        found = self._opened(TF_WEIGHT_FILES, TF_INDEX_FILES)
        if found is not None:
            return found
        torch_there = self._has(*SINGLE_FILES, *INDEX_FILES)
        hint = "pass from_pt=True to read its PyTorch weights" if torch_there else f"it must hold {TF_WEIGHTS}"
        raise CheckpointError(f"{self.name} holds no TensorFlow weights.", hint=hint)

    def holds_only_torch_weights(self) -> bool:
        """Whether there are PyTorch weights and none of TensorFlow."""
        return not self._has(*TF_WEIGHT_FILES, *TF_INDEX_FILES) and self._has(*SINGLE_FILES, *INDEX_FILES)

    def holds_only_tf_weights(self) -> bool:
        """Whether there are TensorFlow weights and none of PyTorch."""
        return self._has(*TF_WEIGHT_FILES, *TF_INDEX_FILES) and not self._has(*SINGLE_FILES, *INDEX_FILES)

    def was_saved_by(self, class_name: str) -> bool:
        """Whether `save_pretrained` of the TensorFlow class `class_name` wrote the weights."""
        path = self.file("config.json")
        if path is None or not self._has(TF_WEIGHTS, f"{TF_WEIGHTS}.index.json"):
            return False
        architectures = json.loads(path.read_text(encoding="utf-8")).get("architectures") or ()
        return class_name.removeprefix("TF") in architectures

    def _has(self, *names: str) -> bool:
        return any(self.file(name) is not None for name in names)

    def _opened(self, singles: Sequence[str], indexes: Sequence[str]) -> Checkpoint | None:
        for single, index in zip(singles, indexes, strict=True):
            path = self.file(single)
            if path is not None:
                return open_checkpoint(path)
            path = self.file(index)
            if path is not None:
                for shard in sorted(set(read_index(path).values())):
                    inside(path.parent, shard)
                    if self.file(shard) is None:
                        raise CheckpointError(f"{self.name} lacks {shard}, which {index} names.")
                return open_checkpoint(path)
        return None

    def configuration(self, config_class: Any) -> Any:
        """Its `config.json` as an object of `config_class`.

        Raises:
            CheckpointError: there is none, or it is not a JSON table.
        """
        values = self._table("config.json")
        if values is None:
            raise CheckpointError(f"{self.name} has no config.json.")
        return config_class.from_dict(values)

    def generation_settings(self) -> dict[str, Any] | None:
        """Its `generation_config.json`; None where there is none.

        Raises:
            CheckpointError: it is not a JSON table.
        """
        return self._table(GENERATION_SETTINGS)

    def _table(self, name: str) -> dict[str, Any] | None:
        path = self.file(name)
        if path is None:
            return None
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise CheckpointError(f"{path} is not a JSON file.") from error
        if not isinstance(values, dict):
            raise CheckpointError(f"{path} holds no table of settings.")
        return values
