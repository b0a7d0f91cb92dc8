"""Inputs corrected by what PyTorch says of them: a layer that was given another size than its own names both."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from porter.subject.case import InputSpec
from porter.subject.inputs.known_inputs import Shape, Specs

# What PyTorch raises, and which size the last axis of an input has to have: (was, wanted) out of the numbers in it.
_LAST_AXIS: Mapping[str, Callable[[list[int]], tuple[int, int]]] = {
    r"mat1 and mat2 shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)": lambda sizes: (sizes[0], sizes[1]),
    r"Given normalized_shape=\[(\d+)\], .* but got input of size\[(?:\d+, )*(\d+)\]": lambda sizes: (
        sizes[1],
        sizes[0],
    ),
}
LONGEST = 4096  # of an axis: no tiny model needs more
_TILES = re.compile(r"split_sizes to sum exactly to (\d+) .* but got split_sizes=\[(\d+)(?:, \2)*\]")
_CHANNELS = re.compile(r"expected input\[.*\] to have (\d+) channels, but got (\d+) channels instead")


def corrected(specs: Specs, error: Exception) -> Iterator[Specs]:
    """The inputs with one array in the size that the error names; nothing where it names none.

    Args:
        specs: what PyTorch was run on.
        error: what it raised.
    """
    text = str(error)
    for at, spec in enumerate(specs):
        if spec.dtype == "float32":
            yield from ((*specs[:at], replace(spec, shape=shape), *specs[at + 1 :]) for shape in _shapes(spec, text))


def _shapes(spec: InputSpec, text: str) -> Iterator[Shape]:
    for pattern, sizes in _LAST_AXIS.items():
        found = re.search(pattern, text)
        if found is not None and len(spec.shape) > 2:
            was, wanted = sizes([int(number) for number in found.groups()])
            last = spec.shape[-1] * wanted
            # Layers before may have changed it in proportion.
            if was != wanted and last % was == 0 and last // was <= LONGEST:
                yield (*spec.shape[:-1], last // was)
    tiles = _TILES.search(text)
    if tiles is not None and len(spec.shape) == 5 and spec.shape[0] * spec.shape[1] == int(tiles[1]):
        yield (spec.shape[0], int(tiles[2]), *spec.shape[2:])  # so many parts of each image
    channels = _CHANNELS.search(text)
    if channels is not None:
        wanted, was = int(channels[1]), int(channels[2])
        if spec.shape[:1] == (was,):  # the rows stand where the channels should
            yield (spec.shape[0], wanted, *spec.shape[1:])
        elif len(spec.shape) > 2 and was in spec.shape[1:]:
            place = spec.shape.index(was, 1)
            yield (*spec.shape[:place], wanted, *spec.shape[place + 1 :])
