"""A TFLite file in LiteRT's interpreter: run as a whole only, so that outputs are compared."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from diffcheck.exported.graph import Array, Node, NotAnExport, Port
from diffcheck.exported.library_errors import first_line
from diffcheck.exported.torch_archive import WHOLE

_MAGIC = slice(4, 8)
STDERR = 2


class TFLiteFile:
    """See :class:`diffcheck.exported.graph.Graph`. There are no nodes: no module of it is looked at alone."""

    label = "TFLite"

    def __init__(self, path: Path) -> None:
        self.path = path
        from ai_edge_litert.interpreter import Interpreter

        try:
            with _native_log_dropped():
                self._interpreter = Interpreter(model_path=str(path))
                self._interpreter.allocate_tensors()
            signatures = self._interpreter.get_signature_list()
            if len(signatures) != 1:
                raise NotAnExport(f"{path} has {len(signatures)} signatures; one is compared.")
            self._run: Any = self._interpreter.get_signature_runner()
        except (RuntimeError, ValueError) as error:
            if isinstance(error, NotAnExport):
                raise
            raise NotAnExport(f"{path} is not a TFLite file: {first_line(error)}") from error
        self.nodes: list[Node] = []
        self.inputs = [_port(name, told) for name, told in self._run.get_input_details().items()]
        self.outputs = [_port(name, told) for name, told in self._run.get_output_details().items()]

    def constants(self) -> Iterator[tuple[str, Array]]:
        """None: weights are laid out for the device."""
        return iter(())

    def run(self, feeds: Mapping[str, Array], fetches: Sequence[str], double: bool = False) -> list[Array]:
        """The outputs, if nothing else is asked for.

        Raises:
            NotAnExport: it is.
        """
        names = [port.tensor for port in self.outputs]
        if double or not set(fetches) <= set(names):
            raise NotAnExport(WHOLE)
        found = dict(zip(names, self.deployed(feeds), strict=True)) if fetches else {}
        return [found[name] for name in fetches]

    def deployed(self, feeds: Mapping[str, Array]) -> list[Array]:
        """The outputs of the file on these inputs."""
        try:
            found = self._run(**feeds)
        except (RuntimeError, ValueError) as error:
            raise NotAnExport(f"LiteRT stopped: {first_line(error)}") from error
        return [np.asarray(found[port.name]) for port in self.outputs]


def is_tflite_file(path: Path) -> bool:
    """Whether a file begins as TFLite files do."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(8)[_MAGIC] == b"TFL3"


@contextmanager
def _native_log_dropped() -> Iterator[None]:
    """LiteRT's libraries tell on stderr which delegate they create, and read no setting."""
    shown = os.dup(STDERR)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), STDERR)
            yield
    finally:
        os.dup2(shown, STDERR)
        os.close(shown)


def _port(name: str, told: Mapping[str, Any]) -> Port:
    return Port(name, name, np.dtype(told["dtype"]).name, tuple(int(size) for size in told["shape"]))
