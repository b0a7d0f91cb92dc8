"""Inputs for a model class, from the signature of its forward and its tiny configuration."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from porter.subject.case import InputSpec
from porter.subject.shrink import PLAIN_TOKENS

BATCH, CHOICES, LENGTH, DECODER_LENGTH = 2, 2, 7, 5
FRAMES = 20
IDS = {"kind": "randint", "low": PLAIN_TOKENS[0], "high": PLAIN_TOKENS[1]}
ONES = {"kind": "ones"}
NORMAL = {"kind": "normal", "std": 1.0}
SEQUENCES = {"input_ids", "input_values", "input_features"}

Specs = tuple[InputSpec, ...]


def possible_inputs(forward: Any, config: Any) -> Iterator[Specs]:
    """Sets of inputs that forward may take, the fullest first; the caller tries which one runs."""
    parameters = inspect.signature(forward).parameters
    known = tuple(spec for spec in known_inputs(config) if spec.name in parameters)
    if not SEQUENCES & {spec.name for spec in known}:
        known = _without(known, "attention_mask")
    tried: list[Specs] = []
    for specs in (
        known,
        _without(known, "token_type_ids", "bbox"),
        _without(known, "attention_mask"),
        _only(known, "input_ids", "attention_mask", "decoder_input_ids"),
        _only(known, "pixel_values"),
        _only(known, "input_ids"),
        _with_shapes(known, pixel_values=_video_shape(known, config)),
        _with_shapes(known, input_features=_mel_first_shape(known)),
        _without(_with_choices(known), "bbox"),
        _without(tuple(_ending(spec, config) for spec in known), "decoder_input_ids"),
    ):
        if specs and specs not in tried:
            tried.append(specs)
            yield specs


def known_inputs(config: Any) -> Iterator[InputSpec]:
    """Inputs whose names say what they are, as far as the configuration has their sizes."""
    text, vision = _part(config, "text_config"), _part(config, "vision_config")
    yield InputSpec("input_ids", (BATCH, LENGTH), "int64", IDS)
    token_types = getattr(text, "type_vocab_size", None)
    if isinstance(token_types, int) and token_types > 1:
        gen = {"kind": "randint", "low": 0, "high": token_types}
        yield InputSpec("token_type_ids", (BATCH, LENGTH), "int64", gen)
    box = {"kind": "values", "data": [1, 2, 21, 32] * BATCH * LENGTH}
    yield InputSpec("bbox", (BATCH, LENGTH, 4), "int64", box)
    yield InputSpec("pixel_values", (BATCH, _number(vision, "num_channels", 3), *_image(vision)), "float32", NORMAL)
    samples = FRAMES * math.prod(getattr(config, "conv_stride", None) or (16,))
    yield InputSpec("input_values", (BATCH, samples), "float32", NORMAL)
    frames, bins = _spectrogram(_part(config, "audio_config"))
    yield InputSpec("input_features", (BATCH, frames, bins), "float32", NORMAL)
    length = LENGTH if hasattr(config, "max_position_embeddings") or not hasattr(config, "conv_stride") else samples
    yield InputSpec("attention_mask", (BATCH, length), "int64", ONES)
    yield InputSpec("decoder_input_ids", (BATCH, DECODER_LENGTH), "int64", IDS)


def _part(config: Any, name: str) -> Any:
    part = getattr(config, name, None)
    return config if part is None else part


def _image(config: Any) -> tuple[int, int]:
    size = getattr(config, "image_size", None) or 64
    if isinstance(size, Mapping):
        size = (size["height"], size["width"])
    height, width = (size, size) if isinstance(size, int) else (size[0], size[-1])
    return int(height), int(width)


def _spectrogram(config: Any) -> tuple[int, int]:
    """Frames and frequency bins; a model with fixed positions wants twice as many frames."""
    bins = next((n for n in ("num_mel_bins", "feature_size", "input_feat_per_channel") if hasattr(config, n)), "")
    positions = getattr(config, "max_source_positions", None)
    return 2 * positions if isinstance(positions, int) else FRAMES, _number(config, bins, 80)


def _number(config: Any, name: str, otherwise: int) -> int:
    value = getattr(config, name, otherwise) if name else otherwise
    return value if isinstance(value, int) else otherwise


def _without(specs: Specs, *names: str) -> Specs:
    return tuple(spec for spec in specs if spec.name not in names)


def _only(specs: Specs, *names: str) -> Specs:
    return tuple(spec for spec in specs if spec.name in names)


def _with_shapes(specs: Specs, **shapes: tuple[int, ...]) -> Specs:
    return tuple(replace(spec, shape=shapes.get(spec.name) or spec.shape) for spec in specs)


def _video_shape(specs: Specs, config: Any) -> tuple[int, ...]:
    frames = _number(config, "num_frames", 4)
    return next(((BATCH, frames, *spec.shape[1:]) for spec in specs if spec.name == "pixel_values"), ())


def _mel_first_shape(specs: Specs) -> tuple[int, ...]:
    return next(((BATCH, *spec.shape[:0:-1]) for spec in specs if spec.name == "input_features"), ())


def _with_choices(specs: Specs) -> Specs:
    """Multiple choice has several sequences a row."""
    return _with_shapes(specs, **{s.name: (BATCH, CHOICES, LENGTH) for s in specs if s.shape == (BATCH, LENGTH)})


def _ending(spec: InputSpec, config: Any) -> InputSpec:
    """Some classifiers read where the sequence ends, by its end token."""
    end = getattr(config, "eos_token_id", None)
    if spec.name != "input_ids" or not isinstance(end, int):
        return spec
    rows = [PLAIN_TOKENS[0] + row * LENGTH + column for row in range(BATCH) for column in range(LENGTH)]
    data = [end if place % LENGTH == LENGTH - 1 else token for place, token in enumerate(rows)]
    return replace(spec, gen={"kind": "values", "data": data})
