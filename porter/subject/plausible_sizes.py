"""Whether the sizes that a configuration tells can be those of its checkpoint, before anything is built with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from porter.base.errors import UsageError
from porter.hub.configuration import read_config
from porter.runtime.stored.checkpoint import open_checkpoint
from porter.runtime.stored.tensor_source import TensorInfo
from porter.subject.shrink import role_of

MOST_LAYERS = 1000
MOST_LABELS = 1 << 16
LARGEST_SIZE = 1 << 24
COUNTS = re.compile(r"^(num|n)_|labels$|classes$|stages$|codebooks$")
SIZES = ("vocabulary", "image", "kept", "kv_heads", "head_size", "heads", "selected", "positions", "width")


def check_sizes(values: Mapping[str, object], place: Path, tensors: Mapping[str, TensorInfo] | None = None) -> None:
    """Refuse sizes with which a model would be built for ever, or would not fit into any memory.

    A number of layers may be that of the checkpoint's tensors, a width the greatest size of one; small numbers may be
    anything.

    Args:
        values: what config.json holds.
        place: where it stands.
        tensors: the checkpoint's, None where there is none.

    Raises:
        UsageError: naming the field.
    """
    found = tensors or {}
    widest = max((size for info in found.values() for size in info.shape), default=0)
    for name, value in _numbers(values):
        limit = _limit(name, len(found), widest)
        if limit is not None and abs(value) > limit:
            has = f"the checkpoint has {len(found)} tensors, up to {widest} wide"
            told = has if found else f"{limit} is the limit"
            raise UsageError(f"The configuration says {name}={value}, and {told}.", place=str(place))


def check_sizes_of(folder: Path) -> None:
    """Refuse such sizes in the config.json of a folder with weights, and weights that are missing or damaged.

    Raises:
        UsageError: naming the field, or what is missing or damaged.
    """
    with open_checkpoint(folder) as checkpoint:
        check_sizes(read_config(folder), folder / "config.json", checkpoint.tensors)


def _limit(name: str, count: int, widest: int) -> int | None:
    role = role_of(name)
    if role == "layers":
        return max(count, MOST_LAYERS)
    if role in SIZES:
        return max(widest, LARGEST_SIZE)
    if role == "experts" or (role == "other" and COUNTS.search(name)):
        return max(widest, count, MOST_LABELS)
    return None


def _numbers(values: Any, name: str = "") -> Iterator[tuple[str, int]]:
    """Every integer with the key that it stands under, in lists and tables below too."""
    waiting = [(name, values)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(str(inner), part) for inner, part in value.items()]
        elif isinstance(value, list):
            waiting += [(key, part) for part in value]
        elif isinstance(value, int) and not isinstance(value, bool):
            yield key, value
