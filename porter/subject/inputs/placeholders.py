"""Ids with the tokens that stand for images, videos and sound, as many as the model's own features ask for."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any

from porter.subject.case import InputSpec
from porter.subject.inputs.arrays import numpy_inputs
from porter.subject.inputs.from_error import corrected
from porter.subject.inputs.from_signature import BATCH
from porter.subject.inputs.input_sizes import token_of
from porter.subject.inputs.known_inputs import ONES, Specs
from porter.subject.inputs.modalities import FRAMES, Modality, forms_of, modalities_of
from porter.subject.inputs.variation import torch_inputs
from porter.subject.shrink import PLAIN_TOKENS
from porter.subject.torch_model import RUN_ERRORS

BEFORE, BEHIND = 2, 3  # plain tokens around the placeholders
TYPES = {"image": 1, "video": 2, "audio": 3}  # of tokens, where the model is told which stand for what
MOST = 512  # placeholders in a row: no tiny model needs more, and a proof must not take minutes
_COUNT = re.compile(r"features:?\s*\D{0,3}(\d+)")


def with_placeholders(model: Any, rows: int = BATCH, behind: int = BEHIND) -> Iterator[Specs]:
    """Sets of inputs with placeholders, for each modality and each form that it may have; none where there is none.

    Args:
        model: the PyTorch model.
        rows: the batch.
        behind: plain tokens behind the placeholders.
    """
    for modality in modalities_of(model):
        yield from placeholders_of(model, modality, rows, behind)


def placeholders_of(model: Any, modality: Modality, rows: int = BATCH, behind: int = BEHIND) -> Iterator[Specs]:
    """The same for one modality."""
    accepted = inspect.signature(model.forward).parameters
    for brought, count in _counted(model, modality, rows):
        if count % rows or count // rows > MOST:
            continue
        for tokens in _stretches(model.config, modality, count // rows):
            ids = _ids(tokens, rows, behind)
            beside = (InputSpec("attention_mask", ids.shape, "int64", ONES), *_token_types(modality, ids))
            yield (ids, *brought, *(spec for spec in beside if spec.name in accepted))


def _counted(model: Any, modality: Modality, rows: int) -> Iterator[tuple[Specs, int]]:
    """Arrays for a modality and how many placeholders stand for them, in other sizes where PyTorch names those."""
    tried: set[tuple[tuple[int, ...], ...]] = set()
    for brought in forms_of(model, modality, rows):
        found = _count(model, modality, brought)
        for other in corrected(brought, found) if isinstance(found, Exception) else ():
            shapes = tuple(spec.shape for spec in other)
            count = _count(model, modality, other) if shapes not in tried else None
            tried.add(shapes)
            if isinstance(count, int):
                yield other, count
        count = found if isinstance(found, int) else _count_in_error(model, rows, brought)
        if count is not None:
            yield brought, count


def _stretches(config: Any, modality: Modality, count: int) -> Iterator[list[int]]:
    """The placeholders in one stretch; of a video also image by image, each behind a plain token, or as images."""
    yield [modality.token] * count
    if modality.kind == "video" and count % FRAMES == 0:
        yield [PLAIN_TOKENS[1], *[modality.token] * (count // FRAMES)] * FRAMES
        start, image, end = (token_of(config, f"{name}_token_id") for name in ("video_start", "image", "video_end"))
        if start is not None and image is not None and end is not None:
            yield [start, *[PLAIN_TOKENS[1], *[image] * (count // FRAMES)] * FRAMES, end]


def _ids(tokens: Sequence[int], rows: int, behind: int) -> InputSpec:
    data: list[int] = []
    for row in range(rows):
        plain = [PLAIN_TOKENS[0] + 7 * row + at for at in range(BEFORE + behind)]
        data += [*plain[:BEFORE], *tokens, *plain[BEFORE:]]
    return InputSpec("input_ids", (rows, BEFORE + len(tokens) + behind), "int64", {"kind": "values", "data": data})


def _token_types(modality: Modality, ids: InputSpec) -> Iterator[InputSpec]:
    """Which tokens stand for what: 0 for text."""
    tokens = ids.gen["data"]
    assert isinstance(tokens, list)
    plain = range(PLAIN_TOKENS[0], PLAIN_TOKENS[1] + 1)
    for name, value in (("mm_token_type_ids", TYPES[modality.kind]), ("token_type_ids", 1)):
        types = [0 if token in plain else value for token in tokens]
        yield InputSpec(name, ids.shape, "int64", {"kind": "values", "data": types})


def _count(model: Any, modality: Modality, brought: Specs) -> int | Exception | None:
    """How many vectors the model makes of the input, as its own method for it says, or what that raises."""
    import torch

    method = _method(model, f"get_{modality.kind}_features")
    width = getattr(model.get_input_embeddings(), "embedding_dim", None)
    if method is None or not width:
        return None
    taken = inspect.signature(method).parameters
    first, *others = brought
    values = torch_inputs(model, numpy_inputs(brought))
    try:
        with torch.no_grad():
            features = method(values[first.name], **{s.name: values[s.name] for s in others if s.name in taken})
    except RUN_ERRORS as error:
        return error
    numbers = _numbers(getattr(features, "pooler_output", features))
    return numbers // width if numbers and numbers % width == 0 else None


def _method(model: Any, name: str) -> Any:
    """A method of the model, or of one that it holds."""
    return next((found for part in model.modules() if (found := getattr(part, name, None)) is not None), None)


def _numbers(features: Any) -> int:
    """How many numbers the features hold, in lists and tuples too."""
    if isinstance(features, Sequence):
        return sum(_numbers(part) for part in features)
    return int(features.numel()) if hasattr(features, "numel") else 0


def _count_in_error(model: Any, rows: int, brought: Specs) -> int | None:
    """The same, as the model says where the ids have another number of placeholders."""
    import torch

    ids = torch.full((rows, BEFORE + BEHIND), PLAIN_TOKENS[0])
    try:
        with torch.no_grad():
            model(input_ids=ids, **torch_inputs(model, numpy_inputs(brought)))
    except RUN_ERRORS as error:
        found = _COUNT.search(str(error))
        return int(found[1]) if found else None
    return None
