"""Inputs for a model class, from the signature of its forward and its tiny configuration."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from porter.subject.case import InputSpec
from porter.subject.inputs.input_sizes import InputSizes, Patches, input_sizes, patches_of
from porter.subject.inputs.known_inputs import BINS, NORMAL, SEQUENCES, Amounts, Shape, Specs, bins_first, known_inputs
from porter.subject.shrink import PLAIN_TOKENS

BATCH, CHOICES, LENGTH, DECODER_LENGTH = 2, 2, 7, 5
FRAMES, SAMPLES_A_FRAME = 20, 16
VIDEO_FRAMES = 4
PAIR = 2  # images that are compared with one another
LONG_SOUND = 4096  # samples
SIDE = 4  # patches along one side of an image
STATES = ("hidden_states", "inputs_embeds", "pixel_values")  # what stands for patches, or between layers


def possible_inputs(forward: Any, config: Any) -> Iterator[Specs]:
    """Sets of inputs that forward may take, the fullest first; the caller tries which one runs."""
    parameters = inspect.signature(forward).parameters
    sizes = input_sizes(config)
    known = tuple(spec for spec in tiny_inputs(config) if spec.name in parameters)
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
        _with_shapes(known, pixel_values=_video_shape(known, sizes.video_frames or VIDEO_FRAMES)),
        _with_shapes(known, pixel_values=_video_shape(known, PAIR)),
        _with_shapes(known, input_features=_mel_first_shape(known)),
        _with_shapes(known, input_features=_image_shape(known)),
        *(_with_shapes(known, input_values=shape) for shape in _sounds(sizes)),
        *_without_ids(parameters, known, config),
        _without(_with_choices(known), "bbox"),
        _without(tuple(_ending(spec, sizes) for spec in known), "decoder_input_ids"),
    ):
        if specs and specs not in tried:
            tried.append(specs)
            yield specs


def tiny_inputs(config: Any) -> Specs:
    """Every input that is known by its name, for a tiny configuration, whose plain tokens are known."""
    sizes = input_sizes(config)
    samples = FRAMES * (sizes.stride or SAMPLES_A_FRAME)
    amounts = Amounts(BATCH, LENGTH, DECODER_LENGTH, side=64, frames=FRAMES, samples=samples)
    return tuple(known_inputs(sizes, amounts, lambda name, shape: _ids(sizes.vocabulary)))


def _ids(vocabulary: int | None) -> dict[str, Any]:
    """How ids are drawn: from the plain tokens, as far as the vocabulary reaches."""
    low, high = PLAIN_TOKENS
    if vocabulary is not None and vocabulary < high:
        low, high = min(low, vocabulary // 2), vocabulary
    return {"kind": "randint", "low": low, "high": high}


def _without(specs: Specs, *names: str) -> Specs:
    return tuple(spec for spec in specs if spec.name not in names)


def _only(specs: Specs, *names: str) -> Specs:
    return tuple(spec for spec in specs if spec.name in names)


def _with_shapes(specs: Specs, **shapes: tuple[int, ...]) -> Specs:
    return tuple(replace(spec, shape=shapes.get(spec.name) or spec.shape) for spec in specs)


def _shape_of(specs: Specs, name: str) -> Shape:
    """The shape of an input; () where it is not among them."""
    return next((spec.shape for spec in specs if spec.name == name), ())


def _video_shape(specs: Specs, frames: int) -> tuple[int, ...]:
    images = _shape_of(specs, "pixel_values")
    return (BATCH, frames, *images[1:]) if images else ()


def _mel_first_shape(specs: Specs) -> tuple[int, ...]:
    return next((bins_first(spec) for spec in specs if spec.name == "input_features"), ())


def _image_shape(specs: Specs) -> tuple[int, ...]:
    """A spectrogram as an image of one colour."""
    features = _shape_of(specs, "input_features")
    return (features[0], 1, *features[1:]) if features else ()


def _sounds(sizes: InputSizes) -> Iterator[Shape]:
    """Sounds with an axis of channels, or as spectrograms, where a model calls these its values."""
    yield BATCH, 1, LONG_SOUND
    yield BATCH, sizes.frames or FRAMES, sizes.bins or BINS


def _without_ids(parameters: Mapping[str, Any], known: Specs, config: Any) -> Iterator[Specs]:
    """Inputs of the parts of a model, which are classes too: videos, patches in one list, states between layers."""
    sizes = input_sizes(config)
    images = _shape_of(tiny_inputs(config), "pixel_values")
    if "input_ids" in parameters:
        return
    if "pixel_values_videos" in parameters:
        for frames in dict.fromkeys((sizes.video_frames or VIDEO_FRAMES, VIDEO_FRAMES, PAIR)):
            shape = (BATCH, frames, *images[1:])
            yield (*_without(known, "pixel_values"), InputSpec("pixel_values_videos", shape, "float32", NORMAL))
    states = next((name for name in parameters if name in STATES), None)
    if "grid_thw" in parameters and states is not None:
        yield from patches_in_one_list(patches_of(config), states, "grid_thw", BATCH)
    elif states is not None and sizes.width is not None:
        yield (*known, InputSpec(states, (BATCH, LENGTH, sizes.width), "float32", NORMAL))


def patches_in_one_list(patches: Patches, name: str, grid: str, rows: int, times: int = 1) -> Iterator[Specs]:
    """All patches of all images in one list, in each form that it may have, and how many there are along each axis.

    Args:
        patches: their sizes.
        name: of the list.
        grid: the name of the counts in time, height and width.
        rows: how many images there are.
        times: how many counts in time each has.
    """
    counts = InputSpec(grid, (rows, 3), "int64", {"kind": "values", "data": [times, SIDE, SIDE] * rows})
    every, one = rows * times * SIDE**2, (patches.channels, patches.side, patches.side)
    flat = [(every, patches.channels * depth * patches.side**2) for depth in (patches.frames, 1, 2)]
    for shape in dict.fromkeys((*flat, (every, *one), (1, every, *one))):
        yield InputSpec(name, shape, "float32", NORMAL), counts


def _with_choices(specs: Specs) -> Specs:
    """Multiple choice has several sequences a row."""
    return _with_shapes(specs, **{s.name: (BATCH, CHOICES, LENGTH) for s in specs if s.shape == (BATCH, LENGTH)})


def _ending(spec: InputSpec, sizes: InputSizes) -> InputSpec:
    """The ids with the end token last, where some classifiers look for the end of the sequence."""
    end = sizes.special.get("eos")
    if spec.name != "input_ids" or end is None:
        return spec
    rows = [PLAIN_TOKENS[0] + row * LENGTH + column for row in range(BATCH) for column in range(LENGTH)]
    data = [end if place % LENGTH == LENGTH - 1 else token for place, token in enumerate(rows)]
    return replace(spec, gen={"kind": "values", "data": data})
