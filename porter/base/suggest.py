"""Which known name somebody may have meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


def meant(name: str, known: Iterable[str]) -> str | None:
    """The known name that is closest to what was written; None where none is close.

    Case and dashes do not count, and a known name that the written one begins with is close too, the longest first:
    `Bert` and `bert-base-uncased` mean `bert`.
    """
    plain: dict[str, str] = {}
    for each in known:
        plain.setdefault(_plain(each), each)
    written = _plain(name)
    if written in plain:
        return plain[written]
    near = difflib.get_close_matches(written, plain, n=1, cutoff=0.75)
    if near:
        return plain[near[0]]
    parts = re.split(r"[-_/. ]+", name.lower())
    beginnings = ("".join(parts[:count]) for count in range(len(parts) - 1, 0, -1))
    return next((plain[beginning] for beginning in beginnings if beginning in plain), None)


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The hint that asks for the closest known name; `otherwise` where none is close."""
    found = meant(name, known)
    return f"did you mean {found}?" if found else otherwise


def _plain(name: str) -> str:
    return re.sub(r"[-_. ]", "", name).lower()
