"""Inputs for a checkpoint: a file of the user's, the repository's own tokenizer, or shaped by the configuration."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np

from diffcheck.record.storage import load
from porter.base import console
from porter.base.errors import UsageError
from porter.base.reading import check_regular
from porter.subject.inputs.arrays import Inputs
from porter.subject.inputs.processors import processed_inputs
from porter.subject.inputs.variation import runs

TEXT = frozenset({"input_ids", "attention_mask", "token_type_ids", "decoder_input_ids"})
BATCH, LENGTH, AUDIO_SAMPLES, FRAMES = 2, 11, 8000, 64


def read_inputs(file: Path) -> Inputs:
    """Arrays by argument name from an .npz file, a .json file of nested lists, or a recording's inputs.

    Raises:
        UsageError: the file is neither, or is broken.
    """
    if not file.exists():
        raise UsageError(f"There is no {file}.")
    check_regular(file)
    try:
        if file.suffix == ".npz":
            with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        if file.suffix == ".rec":
            return {name: value.array for name, value in load(file).inputs.items()}
        data = json.loads(file.read_text(encoding="utf-8"))
    except Exception as error:  # a file that is none of these ends numpy's reader in many ways
        raise UsageError(f"{file} is neither an .npz nor a .json file of arrays, nor a recording.") from error
    if not isinstance(data, dict):
        raise UsageError(f"{file} holds no table of arrays.", hint='{"input_ids": [[1, 2, 3]]}')
    return {name: _array(name, value) for name, value in data.items()}


def inputs_for(folder: Path, model: Any, seed: int = 1, trust: bool = False) -> Inputs:
    """Inputs of a batch of two, one row padded where the model takes a mask.

    They go through the folder's own tokenizer, image processor and feature extractor where it has them; everything
    else is drawn in the sizes that the configuration names. Only arguments of the model's forward are given.
    ``trust`` lets classes that lie in the folder process them.

    Raises:
        UsageError: the forward takes none of the inputs that are known.
    """
    names = set(inspect.signature(model.forward).parameters)
    shaped = _shaped(model.config, names, seed)
    processed = processed_inputs(folder, names, trust)
    inputs = _of_one_batch({**shaped, **processed})
    if set(processed) - TEXT and not runs(model, inputs):
        # A prompt may have to speak of the images: no sample of ours fits every processor.
        console.say(
            "PyTorch does not run on what the repository's processors made; the configuration gives the sizes."
        )
        inputs = shaped
    if not inputs:
        known = "input_ids, pixel_values, input_values or input_features"
        raise UsageError(f"{type(model).__name__} takes none of {known}.", hint="--inputs FILE.npz")
    return inputs


def variations_of(inputs: Inputs) -> dict[str, Inputs]:
    """The same inputs in another shape: one row, shorter and without padding, where they are text."""
    if "input_ids" not in inputs or inputs["input_ids"].shape[1] < 6:
        return {}
    length = inputs["input_ids"].shape
    cut = {
        name: value[:1, : value.shape[1] - 3] if isinstance(value, np.ndarray) and value.shape == length else value
        for name, value in inputs.items()
    }
    rest = {name: value[:1] if getattr(value, "ndim", 0) > 1 else value for name, value in cut.items()}
    return {"one row, shorter, without padding": rest}


def _of_one_batch(inputs: Inputs) -> Inputs:
    """The same inputs with as many rows as the one with the fewest has."""
    rows = min((len(value) for value in inputs.values() if np.ndim(value)), default=0)
    return {name: value[:rows] if np.ndim(value) else value for name, value in inputs.items()}


def _shaped(config: Any, names: set[str], seed: int) -> Inputs:
    draw = np.random.default_rng(seed)
    text = config.get_text_config()
    inputs: Inputs = {}
    if "input_ids" in names and getattr(text, "vocab_size", None):
        limit = getattr(text, "max_position_embeddings", None) or LENGTH
        length = min(LENGTH, limit) if limit > 0 else LENGTH  # -1 stands for no limit
        inputs["input_ids"] = draw.integers(min(3, text.vocab_size - 1), text.vocab_size, (BATCH, length))
        if "attention_mask" in names:
            inputs["attention_mask"] = _padded_mask((BATCH, length))
        if "decoder_input_ids" in names:
            inputs["decoder_input_ids"] = draw.integers(
                min(3, text.vocab_size - 1), text.vocab_size, (BATCH, length - 2)
            )
    if "pixel_values" in names:
        inputs["pixel_values"] = draw.standard_normal((BATCH, *_image(config))).astype(np.float32)
    if "input_values" in names:
        inputs["input_values"] = draw.standard_normal((BATCH, AUDIO_SAMPLES)).astype(np.float32)
    if "input_features" in names:
        bins: int = getattr(config, "num_mel_bins", 80)
        frames: int = 2 * getattr(config, "max_source_positions", FRAMES // 2)
        inputs["input_features"] = draw.standard_normal((BATCH, bins, frames)).astype(np.float32)
    return inputs


def _image(config: Any) -> tuple[int, int, int]:
    vision = getattr(config, "vision_config", config)
    size = getattr(vision, "image_size", None) or 64
    height, width = size if isinstance(size, list | tuple) else (size, size)
    return getattr(vision, "num_channels", None) or 3, int(height), int(width)


def _padded_mask(shape: tuple[int, int]) -> np.ndarray[Any, Any]:
    mask = np.ones(shape, np.int64)
    mask[-1, shape[1] - max(1, shape[1] // 4) :] = 0
    return mask


def _array(name: str, value: object) -> object:
    if not isinstance(value, list):
        return value
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise UsageError(f"The rows of {name} are not of one length.", hint="pad them, and give a mask") from error
    if array.dtype.kind not in "biuf":
        raise UsageError(f"{name} does not hold numbers only.")
    return array.astype(np.float32) if array.dtype.kind == "f" else array
