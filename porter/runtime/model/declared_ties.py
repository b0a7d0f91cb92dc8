"""What a list of tied weights means, as models name them before transformers 5."""

from __future__ import annotations

import re


def declared_weight(entry: str) -> str:
    """The weight that an entry of a list of tied weights means: it may name the layer alone. Empty for a bias."""
    if entry.endswith(".weight"):
        return entry
    is_layer = re.fullmatch(r"[A-Za-z0-9_.]+", entry) is not None and not entry.endswith("bias")
    return f"{entry}.weight" if is_layer else ""
