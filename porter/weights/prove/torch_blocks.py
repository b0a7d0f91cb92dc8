"""A PyTorch model whose weights are read when they are used and forgotten when others need the room.

transformers itself reads, renames and converts every tensor, as in `from_pretrained`, but a few at a time.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from porter.runtime.stored.checkpoint import INDEX_FILES, SINGLE_FILES, inside, read_index
from porter.runtime.stored.tensor_source import CheckpointError
from porter.weights.prove.memory import Room


def load_in_blocks(model_class: Any, folder: Path, room: Room) -> Any:
    """The model in float32 with eager attention, in eval mode; its parameters are read as they are used.

    Raises:
        CheckpointError: the folder lacks weights of the class, or they do not fit.
    """
    import torch

    config = model_class.config_class.from_pretrained(folder, local_files_only=True)
    with empty_parameters():
        model = model_class._from_config(config, attn_implementation="eager", dtype=torch.float32)
    source = _Source(model, folder, room)
    for path, module in model.named_modules():
        module._parameters = _Parameters(module._parameters, path, source)
    source.read_buffers()
    return model.eval()


@contextmanager
def empty_parameters() -> Iterator[None]:
    """Modules made in the block have parameters without numbers; buffers are computed as usual."""
    import torch
    from transformers import initialization

    register = torch.nn.Module.register_parameter

    def register_empty(module: Any, name: str, parameter: Any) -> None:
        if parameter is not None:
            parameter = torch.nn.Parameter(parameter.detach().to("meta"), requires_grad=parameter.requires_grad)
        register(module, name, parameter)

    with ExitStack() as stack:
        stack.enter_context(initialization.no_init_weights())
        stack.enter_context(mock.patch.object(torch.nn.Module, "register_parameter", register_empty))
        yield


class _Parameters(dict[str, Any]):
    """A module's parameters by name; asking for one reads it."""

    def __init__(self, empty: Mapping[str, Any], path: str, source: _Source) -> None:
        super().__init__(empty)
        self._prefix = f"{path}." if path else ""
        self._source = source

    def __getitem__(self, name: str) -> Any:
        empty = super().__getitem__(name)
        return empty if empty is None else self._source.parameter(self._prefix + name, empty)


class _Source:
    """Reads parameters from the checkpoint, group by group: what one conversion makes belongs together."""

    def __init__(self, model: Any, folder: Path, room: Room) -> None:
        from transformers.conversion_mapping import get_model_conversion_mapping

        self._model, self._room = model, room
        self._mapping = get_model_conversion_mapping(model)
        self._files = weight_files(folder)
        self._groups: dict[str, list[str]] = {}
        self._made: dict[str, list[str]] = {}
        self._group_of: dict[str, str] = {}
        self._converted: set[str] = set()
        self._reading = False
        self._sort(model.state_dict())

    def _sort(self, expected: Mapping[str, Any]) -> None:
        """Which stored tensors make which parameters."""
        from transformers.core_model_loading import WeightConverter, WeightRenaming, rename_source_key

        renamings = [entry for entry in self._mapping if isinstance(entry, WeightRenaming)]
        converters = [entry for entry in self._mapping if isinstance(entry, WeightConverter)]
        targets = {source: entry.target_patterns for entry in converters for source in entry.source_patterns}
        prefix = self._model.base_model_prefix
        for key in self._files:
            name, pattern = rename_source_key(key, renamings, converters, prefix, dict(expected))
            if name not in expected and key in expected:
                name, pattern = rename_source_key(key, [], [], prefix, dict(expected))
            if name not in expected:
                continue
            self._groups.setdefault(name, []).append(key)
            made = [name.replace(targets[pattern][0], other) for other in targets[pattern]] if pattern else [name]
            self._made[name] = made
            if pattern:
                self._converted.add(name)
            self._group_of |= dict.fromkeys(made, name)
        missing = [name for name in expected if self._stored(name) not in self._group_of]
        if missing:
            raise CheckpointError(f"The checkpoint lacks weights of {type(self._model).__name__}: {missing[0]}.")

    def _stored(self, name: str) -> str:
        """The name itself, or of the parameter that it is tied to where the checkpoint holds only that."""
        tied: Mapping[str, str] = self._model.all_tied_weights_keys
        return name if name in self._group_of else tied.get(name, name)

    def parameter(self, name: str, empty: Any) -> Any:
        """The parameter, in the type that the empty one in its place has."""
        if self._reading:
            return empty
        name = self._stored(name)
        group = self._group_of[name]
        size = empty.nbytes * len(self._made[group])
        read = self._read if group in self._converted else functools.partial(self._read_as_it_is, empty=empty)
        return self._room.get(("pytorch", group, empty.dtype), size, lambda: read(group))[name]

    def read_buffers(self) -> None:
        """The buffers that are stored; they stay."""
        for name in [name for name, _ in self._model.named_buffers() if name in self._groups]:
            self._read(name)

    def _read_as_it_is(self, group: str, empty: Any) -> dict[str, Any]:
        """A tensor that is stored as the parameter is, under its name or another."""
        with ExitStack() as stack:
            key = self._groups[group][-1]
            tensor = self._files[key].open(key, stack)[...].to(empty.dtype)
        if tensor.shape != empty.shape:
            raise CheckpointError(f"{group} in the checkpoint does not fit {type(self._model).__name__}.")
        return {group: tensor}

    def _read(self, group: str) -> dict[str, Any]:
        """What transformers makes of the group's tensors, taken out of the model again."""
        from transformers.core_model_loading import convert_and_load_state_dict_in_model
        from transformers.modeling_utils import LoadStateDictConfig

        model, made = self._model, self._made[group]
        holders = {name: model.get_submodule(name.rpartition(".")[0])._parameters for name in made}
        empty = {name: dict.get(holders[name], name.rpartition(".")[2]) for name in made}
        plan = model._get_dtype_plan(model.dtype)
        options = LoadStateDictConfig(dtype=model.dtype, dtype_plan=plan, weight_mapping=self._mapping)
        self._reading = True
        try:
            with ExitStack() as stack:
                tensors = {key: self._files[key].open(key, stack) for key in self._groups[group]}
                info, _ = convert_and_load_state_dict_in_model(model, tensors, options)
        finally:
            self._reading = False
        read = {}
        for name in made:
            if empty[name] is not None:
                read[name] = dict.__getitem__(holders[name], name.rpartition(".")[2]).requires_grad_(False)
                dict.__setitem__(holders[name], name.rpartition(".")[2], empty[name])
        if info.mismatched_keys or info.conversion_errors or any(each.is_meta for each in read.values()):
            raise CheckpointError(f"{group} in the checkpoint does not fit {type(model).__name__}.")
        return read


class SafetensorsPart:
    """A file of a checkpoint, opened anew for each tensor, so that what was read from it does not stay mapped."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> list[str]:
        """The tensors' names."""
        with ExitStack() as stack:
            return list(self._open(stack).keys())

    def open(self, key: str, stack: ExitStack) -> Any:
        """The tensor, to be read by `[...]` as long as the stack is open."""
        return self._open(stack).get_tensor(key)

    def _open(self, stack: ExitStack) -> Any:
        from safetensors import safe_open

        return stack.enter_context(safe_open(self._path, framework="pt", device="cpu"))


class TorchPart:
    """A `.bin` file of a checkpoint, mapped."""

    def __init__(self, path: Path) -> None:
        from transformers.modeling_utils import load_state_dict

        self._tensors = load_state_dict(str(path), map_location="cpu", weights_only=True)

    def names(self) -> list[str]:
        """The tensors' names."""
        return list(self._tensors)

    def open(self, key: str, stack: ExitStack) -> Any:
        """The tensor."""
        return self._tensors[key]


def weight_files(folder: Path) -> dict[str, SafetensorsPart | TorchPart]:
    """The file of each stored tensor.

    Raises:
        CheckpointError: there are no weights, or an index leads out of the folder.
    """
    for single, index in zip(SINGLE_FILES, INDEX_FILES, strict=True):
        names = [single] if (folder / single).exists() else []
        if not names and (folder / index).exists():
            names = sorted(set(read_index(inside(folder, index)).values()))
        kind = SafetensorsPart if single.endswith(".safetensors") else TorchPart
        parts = [kind(inside(folder, name)) for name in names]
        if parts:
            return {key: part for part in parts for key in part.names()}
    raise CheckpointError(f"{folder} holds no PyTorch weights.")
