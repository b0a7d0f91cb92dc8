"""What the axes of a model's inputs are called, and which of them another call may make longer or shorter."""

from __future__ import annotations

from collections.abc import Mapping

BATCH, SEQUENCE = "batch", "sequence"
SAMPLES, FRAMES, HEIGHT, WIDTH = "samples", "frames", "height", "width"
Axes = Mapping[int, str]
"""The changeable axes of one input by number; the others are fixed."""

# Inputs whose axes the rank alone does not tell. An axis that a model fixes all the same stays a number.
SPECIAL: Mapping[str, Axes] = {
    "pixel_values": {0: BATCH, 2: HEIGHT, 3: WIDTH},
    "pixel_mask": {0: BATCH, 1: HEIGHT, 2: WIDTH},
    "input_values": {0: BATCH, 1: SAMPLES},
    "input_features": {0: BATCH, 1: SEQUENCE, 2: FRAMES},
}


def axes_of(name: str, rank: int) -> Axes:
    """The axes of an input that no declaration names."""
    if name in SPECIAL:
        return SPECIAL[name]
    length = f"decoder_{SEQUENCE}" if name.startswith("decoder_") else SEQUENCE
    if rank == 3 and name in ("input_ids", "attention_mask", "token_type_ids"):
        return {0: BATCH, 1: "choices", 2: length}
    return dict(list({0: BATCH, 1: length}.items())[:rank])


def length_axis(name: str, rank: int) -> int | None:
    """The axis along which a text or a sound goes on; None of an input that has none."""
    labels = (SEQUENCE, f"decoder_{SEQUENCE}", SAMPLES)
    return next((axis for axis, label in axes_of(name, rank).items() if label in labels), None)
