"""Ids with the tokens that stand for images, videos and sound, as many as the model's own features ask for."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from porter.subject.case import InputSpec
from porter.subject.inputs.arrays import numpy_inputs
from porter.subject.inputs.from_signature import BATCH, tiny_inputs
from porter.subject.inputs.input_sizes import token_of
from porter.subject.inputs.known_inputs import ONES, Specs, bins_first
from porter.subject.shrink import PLAIN_TOKENS
from porter.subject.torch_model import RUN_ERRORS

# What stands in the ids for what, and the arguments that bring it.
MODALITIES: Mapping[str, tuple[str, ...]] = {
    "image": ("pixel_values",),
    "video": ("pixel_values_videos", "pixel_values"),
    "audio": ("input_features", "input_values"),
}
BEFORE, BEHIND = 2, 3  # plain tokens around the placeholders
_COUNT = re.compile(r"features:?\s*\D{0,3}(\d+)")


def modality_of(model: Any) -> tuple[str, str, int] | None:
    """Modality, argument and token of what the model takes beside its ids; None where its ids stand for themselves."""
    accepted = inspect.signature(model.forward).parameters
    for modality, names in MODALITIES.items():
        name = next((name for name in names if name in accepted), None)
        token = token_of(model.config, f"{modality}_token_id", f"{modality}_token_index")
        if name is not None and token is not None and "input_ids" in accepted:
            return modality, name, token
    return None


def with_placeholders(model: Any) -> Iterator[Specs]:
    """Sets of inputs with placeholders, for each shape that the other input may have; none where there are no such."""
    found = modality_of(model)
    if found is None:
        return
    modality, name, token = found
    accepted = inspect.signature(model.forward).parameters
    known = tuple(spec for spec in tiny_inputs(model.config) if spec.name in accepted or spec.name == "pixel_values")
    brought = next((spec for spec in known if spec.name == ("pixel_values" if "pixel" in name else name)), None)
    if brought is None:
        return
    for shape in dict.fromkeys(_shapes(brought)):
        spec = replace(brought, name=name, shape=shape)
        count = _count(model, modality, spec) or _count_in_error(model, spec)
        if count is None or count % BATCH:
            continue
        ids = _ids(token, count // BATCH)
        mask = InputSpec("attention_mask", ids.shape, "int64", ONES)
        yield (ids, spec, *([mask] if "attention_mask" in accepted else []))


def _shapes(spec: InputSpec) -> Iterator[tuple[int, ...]]:
    """The shape itself, one with one image for each row, and for sound frequency bins before frames."""
    yield spec.shape
    if len(spec.shape) == 4:
        yield (spec.shape[0], 1, *spec.shape[1:])
    elif len(spec.shape) == 3:
        yield bins_first(spec)


def _ids(token: int, count: int) -> InputSpec:
    rows = []
    for row in range(BATCH):
        plain = [PLAIN_TOKENS[0] + 7 * row + at for at in range(BEFORE + BEHIND)]
        rows += [*plain[:BEFORE], *[token] * count, *plain[BEFORE:]]
    length = BEFORE + count + BEHIND
    return InputSpec("input_ids", (BATCH, length), "int64", {"kind": "values", "data": rows})


def _count(model: Any, modality: str, spec: InputSpec) -> int | None:
    """How many vectors the model makes of the input, as its own method for it says."""
    import torch

    method = getattr(model, f"get_{modality}_features", None)
    width = getattr(model.get_input_embeddings(), "embedding_dim", None)
    if method is None or not width:
        return None
    value = torch.from_numpy(numpy_inputs([spec])[spec.name])
    try:
        with torch.no_grad():
            features = method(value)
    except RUN_ERRORS:
        return None
    features = getattr(features, "pooler_output", features)
    parts = features if isinstance(features, tuple | list) else [features]
    numbers = [part.numel() for part in parts if torch.is_tensor(part)]
    return sum(numbers) // width if numbers and sum(numbers) % width == 0 else None


def _count_in_error(model: Any, spec: InputSpec) -> int | None:
    """The same, as the model says where the ids have another number of placeholders."""
    import torch

    ids = torch.full((BATCH, BEFORE + BEHIND), PLAIN_TOKENS[0])
    value = torch.from_numpy(numpy_inputs([spec])[spec.name])
    try:
        with torch.no_grad():
            model(input_ids=ids, **{spec.name: value})
    except RUN_ERRORS as error:
        found = _COUNT.search(str(error))
        return int(found[1]) if found else None
    return None
