"""What a file needs to know of the port of another one whose models it holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NestedPort:
    """The port of a model of another file.

    file: stem of the file beside.
    layer: the class in it that models hold.
    parameters: what its call takes, in order.
    """

    file: str
    layer: str
    parameters: tuple[str, ...]

    @property
    def import_line(self) -> str:
        """The assignment that gives a module the layer's class."""
        return f'{self.layer} = import_beside(__file__, "{self.file}").{self.layer}'
