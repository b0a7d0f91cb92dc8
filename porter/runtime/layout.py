"""How a PyTorch tensor's axes stand in the TensorFlow variable, as a string: `"o i h w -> h w i o"`.

Each letter names an axis, `1` an axis of length one that may come or go. The reverse is the string swapped.
Nothing is reshaped to fit: a rank or a length that disagrees is an error before any number moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Shape = tuple[int, ...]
Scalar = TypeVar("Scalar", bound=np.generic)
UNIT = "1"


class LayoutError(ValueError):
    """A layout string that means nothing, or a shape that it does not describe."""


@dataclass(frozen=True)
class Layout:
    """A renaming of axes; without axes (the default) the tensor stays as it is, whatever its rank."""

    source: tuple[str, ...] = ()
    target: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Layout:
        """Read `"o i -> i o"`; the empty string is the layout that changes nothing.

        Raises:
            LayoutError: no single arrow, an axis named twice, or axes that stand on one side only.
        """
        if not text.strip():
            return cls()
        sides = text.split("->")
        if len(sides) != 2:
            raise LayoutError(f"{text!r} is no layout: it needs one arrow, as in 'o i -> i o'")
        source, target = (tuple(side.split()) for side in sides)
        named = [sorted(axis for axis in side if axis != UNIT) for side in (source, target)]
        if named[0] != named[1] or len(set(named[0])) != len(named[0]):
            raise LayoutError(f"{text!r} is no layout: every axis must stand once on each side")
        return cls(source, target)

    @property
    def is_identity(self) -> bool:
        """Whether the tensor stays as it is."""
        return self.source == self.target

    def inverse(self) -> Layout:
        """The way back, from TensorFlow to PyTorch."""
        return Layout(self.target, self.source)

    def shape(self, source: Shape) -> Shape:
        """The shape that `source` has on the other side.

        Raises:
            LayoutError: `source` has another rank, or a length other than one where the layout says 1.
        """
        if not self.source:
            return tuple(source)
        lengths = dict(zip(self.source, source, strict=False))
        units = (length for axis, length in zip(self.source, source, strict=False) if axis == UNIT)
        if len(self.source) != len(source) or any(length != 1 for length in units):
            raise LayoutError(f"a tensor of shape {tuple(source)} is not '{' '.join(self.source)}'")
        return tuple(1 if axis == UNIT else lengths[axis] for axis in self.target)

    def apply(self, array: np.ndarray[Shape, np.dtype[Scalar]]) -> np.ndarray[Shape, np.dtype[Scalar]]:
        """`array` with its axes in the target's order: a view, nothing is copied."""
        shape = self.shape(array.shape)
        if self.is_identity:
            return array
        source = [axis for axis in self.source if axis != UNIT]
        order = [source.index(axis) for axis in self.target if axis != UNIT]
        squeezed = array.squeeze(axis=tuple(i for i, axis in enumerate(self.source) if axis == UNIT))
        # After the transposition only axes of length one are put back, which numpy does without a copy.
        return squeezed.transpose(order).reshape(shape)

    def __str__(self) -> str:
        return f"{' '.join(self.source)} -> {' '.join(self.target)}" if self.source else ""


@dataclass(frozen=True)
class Placement:
    """Where one PyTorch parameter goes: `"kernel: o i -> i o"` is the variable's name and the layout."""

    variable: str
    layout: Layout = Layout()

    @classmethod
    def parse(cls, text: str) -> Placement:
        """Read `"kernel: o i -> i o"` or `"bias"`."""
        variable, _, layout = text.partition(":")
        if not variable.strip():
            raise LayoutError(f"{text!r} names no variable")
        return cls(variable.strip(), Layout.parse(layout))

    def __str__(self) -> str:
        return f"{self.variable}: {self.layout}" if self.layout.source else self.variable
