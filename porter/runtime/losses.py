"""Losses, as `torch.nn` and transformers define them."""

from __future__ import annotations

from typing import Any

LOSS_MAPPING: dict[str, Any] = {}


def loss_type(class_name: str) -> str | None:
    """The kind of loss that goes with a class name."""
    return next((kind for kind in LOSS_MAPPING if kind in class_name), None)
