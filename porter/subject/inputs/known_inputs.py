"""The inputs whose names say what they hold, in the sizes that a configuration names. Every other maker asks here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from porter.subject.case import InputSpec
from porter.subject.inputs.input_sizes import InputSizes

ONES = {"kind": "ones"}
NORMAL = {"kind": "normal", "std": 1.0}
SEQUENCES = {"input_ids", "input_values", "input_features"}
COLOURS, BINS = 3, 80

Specs = tuple[InputSpec, ...]
Shape = tuple[int, ...]
Ids = Callable[[str, Shape], dict[str, Any]]
"""Says how the ids of an input are drawn, by its name and shape."""


@dataclass(frozen=True)
class Amounts:
    """How much is made of each input where the configuration leaves the choice.

    Attributes:
        rows: the batch.
        length: the tokens of a text.
        decoded: the tokens that a decoder starts with.
        side: height and width of an image.
        frames: the frames of a spectrogram.
        samples: the samples of a sound.
    """

    rows: int
    length: int
    decoded: int
    side: int
    frames: int
    samples: int


def known_inputs(sizes: InputSizes, amounts: Amounts, ids: Ids) -> Iterator[InputSpec]:
    """Every input that is known by its name; the caller keeps those that its model takes.

    Spectrograms come as (rows, frames, bins); `bins_first` makes the other form of them.
    """
    rows, text = amounts.rows, (amounts.rows, amounts.length)
    yield InputSpec("input_ids", text, "int64", ids("input_ids", text))
    if sizes.token_types is not None and sizes.token_types > 1:
        yield InputSpec("token_type_ids", text, "int64", {"kind": "randint", "low": 0, "high": sizes.token_types})
    box = {"kind": "values", "data": [1, 2, 21, 32] * rows * amounts.length}
    yield InputSpec("bbox", (*text, 4), "int64", box)
    image = sizes.image or (amounts.side, amounts.side)
    yield InputSpec("pixel_values", (rows, sizes.channels or COLOURS, *image), "float32", NORMAL)
    yield InputSpec("input_values", (rows, amounts.samples), "float32", NORMAL)
    yield InputSpec("input_features", (rows, sizes.frames or amounts.frames, sizes.bins or BINS), "float32", NORMAL)
    # A model that says how sound becomes vectors, and no number of positions, masks the samples of the sound.
    masks_samples = sizes.stride is not None and sizes.positions is None
    yield InputSpec("attention_mask", (rows, amounts.samples if masks_samples else amounts.length), "int64", ONES)
    decoder = (rows, amounts.decoded)
    yield InputSpec("decoder_input_ids", decoder, "int64", ids("decoder_input_ids", decoder))


def bins_first(spec: InputSpec) -> Shape:
    """The shape of a spectrogram with its frequency bins before its frames."""
    rows, frames, bins = spec.shape
    return rows, bins, frames


def ordinary_ids(sizes: InputSizes, seed: int) -> Ids:
    """Ids of words that are not special tokens.

    A text ends with the end token, which some classifiers look for; a decoder's begins with its start token.
    """
    size = sizes.vocabulary or 2
    every = np.arange(min(size, 200_000))
    words = np.setdiff1d(every, list(sizes.special.values()))
    words = words if words.size else every

    def drawn(name: str, shape: Shape) -> dict[str, Any]:
        made = np.random.default_rng([seed, len(name), *shape]).choice(words, size=shape)
        end, starts = sizes.special.get("eos"), [sizes.special.get(kind) for kind in ("decoder_start", "bos", "pad")]
        if name.startswith("decoder_"):
            made[:, 0] = next((token for token in starts if token is not None), 0)
        elif end is not None and end < size and shape[-1] > 1:
            made[:, -1] = end
        return {"kind": "values", "data": made.ravel().tolist()}

    return drawn
