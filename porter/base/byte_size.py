"""Amounts of memory as users write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from porter.base.errors import UsageError

if TYPE_CHECKING:
    pass


UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def size(text: str, example: str = "--max-shard-size 5GB") -> int:
    """`5GB`, `200MB`, `2GiB` in bytes.

    Raises:
        UsageError: it is none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]i?B)", text.strip(), re.IGNORECASE)
    if found is None or float(found[1]) == 0:
        raise UsageError(f"{text!r} is not a size.", hint=example)
    return int(float(found[1]) * UNITS[found[2].upper()])
