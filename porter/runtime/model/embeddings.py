"""Where a model embeds its input, as transformers finds it."""

from __future__ import annotations

from typing import Any

from porter.runtime.port_errors import Unsupported

USUAL_NAME = "embed_tokens"
_WRAPPERS = ("embeddings", "model", "language_model")


def input_embeddings(layer: Any) -> Any:
    """The layer that embeds tokens or patches, of a model or a main layer.

    Raises:
        Unsupported: it is not in one of the usual places.
    """
    name = getattr(layer, "_input_embed_layer", USUAL_NAME)
    bases = (layer, getattr(layer, "base_model", layer))
    parts: list[Any] = [part for base in bases for part in (base, *(getattr(base, p, None) for p in _WRAPPERS))]
    for place in parts:
        if getattr(place, name, None) is not None:
            return getattr(place, name)
        if place is not layer and hasattr(place, "get_input_embeddings"):
            return place.get_input_embeddings()
    raise Unsupported(f"{type(layer).__name__} must define get_input_embeddings.")
