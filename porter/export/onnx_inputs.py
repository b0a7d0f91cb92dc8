"""A declaration of a model's inputs, for architectures and inputs that no table knows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from porter.base.errors import UsageError
from porter.export.axes import Axes
from porter.subject.inputs.arrays import Array, given_numbers

DEFAULT_OPSET = 18
FORM = '{"inputs": {"input_ids": {"0": "batch", "1": "sequence"}}, "samples": {"input_ids": [[5, 6, 7]]}}'


class OnnxInputs(Mapping[str, Axes]):
    """The inputs of an exported file in their order, each with the axes that may change, by number and name.

    ``OnnxInputs({"input_ids": {0: "batch", 1: "sequence"}, "attention_mask": {0: "batch", 1: "sequence"}})``

    Attributes:
        outputs: the outputs with their axes in the same form; None where PyTorch's outputs are all taken.
        default_opset: the opset of the file unless another is asked for.
        samples: example arrays by input name, for inputs whose names do not say what they hold.

    Raises:
        UsageError: a sample does not hold numbers in rows of one length.
    """

    def __init__(
        self,
        inputs: Mapping[str, Axes],
        *,
        outputs: Mapping[str, Axes] | None = None,
        default_opset: int = DEFAULT_OPSET,
        samples: Mapping[str, Any] | None = None,
    ) -> None:
        self._inputs = dict(inputs)
        self.outputs = None if outputs is None else dict(outputs)
        self.default_opset = default_opset
        self.samples: dict[str, Array] = {name: _array(name, value) for name, value in (samples or {}).items()}

    def __getitem__(self, name: str) -> Axes:
        return self._inputs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._inputs)

    def __len__(self) -> int:
        return len(self._inputs)

    def __repr__(self) -> str:
        return f"OnnxInputs({self._inputs})"

    def described(self) -> dict[str, Any]:
        """The declaration in the form that :meth:`of` takes, which JSON holds."""
        found: dict[str, Any] = {"inputs": self._inputs, "default_opset": self.default_opset}
        found |= {} if self.outputs is None else {"outputs": self.outputs}
        samples = {name: array.tolist() for name, array in self.samples.items()}
        return {**found, "samples": samples} if samples else found

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> OnnxInputs:
        """The declaration of a table: `inputs`, and perhaps `outputs`, `default_opset` and `samples`.

        Raises:
            UsageError: a sample does not hold numbers in rows of one length.
            AttributeError, KeyError, TypeError, ValueError: the table is not such a declaration.
        """
        if not data["inputs"]:
            raise ValueError("no inputs")
        return cls(
            _axes(data["inputs"]),
            outputs=_axes(data["outputs"]) if "outputs" in data else None,
            default_opset=int(data.get("default_opset", DEFAULT_OPSET)),
            samples=data.get("samples"),
        )

    @classmethod
    def read(cls, file: Path) -> OnnxInputs:
        """The declaration in a JSON file, in the form that :meth:`of` takes.

        Raises:
            UsageError: the file is not there, or is not such a declaration.
        """
        try:
            return cls.of(json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError as error:
            raise UsageError(f"There is no file {file}.") from error
        except UsageError as error:
            raise UsageError(error.sentence, hint=error.hint, place=str(file)) from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UsageError("The file does not declare inputs.", hint=FORM, place=str(file)) from error


def _axes(named: Mapping[str, Mapping[str, str]]) -> dict[str, Axes]:
    return {name: {int(axis): str(label) for axis, label in axes.items()} for name, axes in named.items()}


def _array(name: str, value: Any) -> Array:
    """An example as an array; numbers of Python are float32."""
    array = given_numbers(name, value)
    return array.astype(np.float32) if array.dtype == np.float64 and isinstance(value, list) else array
