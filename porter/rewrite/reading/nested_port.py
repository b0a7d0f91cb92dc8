"""What a file needs to know of the ports of other files: of the models it holds, and of what it imports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NestedPort:
    """The port of a class or function of another file.

    file: stem of the file beside.
    name: what it is called there; of a model the class that users load.
    layer: the class that models hold, which is another one where a model has a main layer.
    parameters: what its call takes, in order.
    builds: whether it has a `build`, its own or one of its bases in the file.
    """

    file: str
    name: str
    layer: str
    parameters: tuple[str, ...]
    builds: bool = False
