"""A TorchScript file or an exported program of PyTorch's: both run as a whole only, so that outputs are compared."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diffcheck.exported.graph import Array, Node, NotAnExport, Port
from diffcheck.exported.library_errors import first_line, last_line

PORTS = "ports.json"
"""The file inside in which an exporter may say what inputs and outputs are called: PyTorch keeps them by position."""
WHOLE = "of this file only the whole model can be run."


class TorchArchive:
    """See :class:`diffcheck.exported.graph.Graph`. There are no nodes: no module of it is looked at alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.nodes: list[Node] = []
        extra = {PORTS: ""}
        try:
            if _is_program(path):
                self.label, self._call = "torch.export", _program(path, extra)
            else:
                self.label, self._call = "TorchScript", _script(path, extra)
        except (RuntimeError, OSError, ValueError, KeyError) as error:
            raise NotAnExport(f"{path} is not a file of PyTorch's: {first_line(error)}") from error
        try:
            told = json.loads(extra[PORTS]) if extra[PORTS] else {}
            self.inputs = [_port(each) for each in told.get("inputs", _arguments(self._call))]
            self.outputs = [_port(each) for each in told.get("outputs", ())]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise NotAnExport(f"{path}: what it says of its inputs and outputs is damaged.") from error

    def constants(self) -> Iterator[tuple[str, Array]]:
        """The parameters by name."""
        for name, tensor in self._call.state_dict().items():
            yield name.removeprefix("original."), tensor.detach().numpy()

    def run(self, feeds: Mapping[str, Array], fetches: Sequence[str], double: bool = False) -> list[Array]:
        """The outputs, if nothing else is asked for.

        Raises:
            NotAnExport: it is.
        """
        named = dict(zip((port.tensor for port in self.outputs), range(len(self.outputs)), strict=True))
        if double or not set(fetches) <= set(named):
            raise NotAnExport(WHOLE)
        values = self.deployed(feeds) if fetches else []
        return [values[named[name]] for name in fetches]

    def deployed(self, feeds: Mapping[str, Array]) -> list[Array]:
        """The outputs of the file on these inputs."""
        import torch

        tensors = [torch.from_numpy(np.array(feeds[port.tensor])) for port in self.inputs]
        try:
            with torch.no_grad():
                found = self._call(*tensors)
        except (RuntimeError, ValueError, AssertionError) as error:
            raise NotAnExport(f"PyTorch stopped: {last_line(error)}") from error
        values = [tensor.numpy() for tensor in ((found,) if torch.is_tensor(found) else found)]
        if not self.outputs:
            self.outputs = [Port(str(i), str(i), value.dtype.name, None) for i, value in enumerate(values)]
        return values


def is_torch_archive(path: Path) -> bool:
    """Whether a file is one of the archives that PyTorch writes."""
    return path.is_file() and zipfile.is_zipfile(path)


def _is_program(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return not any("/code/" in name for name in archive.namelist())


def _script(path: Path, extra: dict[str, str]) -> Any:
    import torch

    found: dict[str, Any] = {PORTS: ""}
    module = torch.jit.load(str(path), map_location="cpu", _extra_files=found)
    extra[PORTS] = found[PORTS].decode() if isinstance(found[PORTS], bytes) else found[PORTS]
    return module


def _program(path: Path, extra: dict[str, str]) -> Any:
    import torch

    return torch.export.load(str(path), extra_files=extra).module()


def _arguments(call: Any) -> list[dict[str, Any]]:
    """The inputs as the code calls them, where the exporter has said nothing."""
    schema = getattr(getattr(call, "forward", None), "schema", None)
    if schema is None:
        return []
    return [{"name": argument.name} for argument in schema.arguments if argument.name != "self"]


def _port(told: Mapping[str, Any]) -> Port:
    shape = told.get("shape")
    return Port(told["name"], told["name"], told.get("dtype", ""), None if shape is None else tuple(shape))
