"""Inputs for a checkpoint: a file of the user's, the repository's own tokenizer, or shaped by the configuration."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from diffcheck.record.storage import load
from porter.base import console
from porter.base.errors import UsageError
from porter.base.reading import check_regular
from porter.subject.inputs.arrays import Inputs, given_numbers, numpy_inputs, with_padding
from porter.subject.inputs.input_sizes import input_sizes
from porter.subject.inputs.known_inputs import bins_first, known_inputs, ordinary_ids
from porter.subject.inputs.processors import processed_inputs
from porter.subject.inputs.trials import USUAL
from porter.subject.inputs.variation import runs

TEXT = frozenset({"input_ids", "attention_mask", "token_type_ids", "decoder_input_ids"})
DRAWN = frozenset(
    {"input_ids", "attention_mask", "decoder_input_ids", "pixel_values", "input_values", "input_features"}
)
BATCH, LENGTH = 2, 11


def read_inputs(file: Path) -> Inputs:
    """Arrays by argument name from an .npz file, a .json file of nested lists, or a recording's inputs.

    Raises:
        UsageError: the file is neither, or is broken.
    """
    if not file.exists():
        raise UsageError(f"There is no file {file}.")
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
    shaped = _shaped(model, names, seed)
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
    """The same inputs in another shape, where they are text: padded on the left; one row, shorter, without padding."""
    if "input_ids" not in inputs or inputs["input_ids"].shape[1] < 6:
        return {}
    length = inputs["input_ids"].shape
    cut = {
        name: value[:1, : value.shape[1] - 3] if isinstance(value, np.ndarray) and value.shape == length else value
        for name, value in inputs.items()
    }
    rest = {name: value[:1] if getattr(value, "ndim", 0) > 1 else value for name, value in cut.items()}
    return {**_padded_left(inputs), "one row, shorter, without padding": rest}


def _padded_left(inputs: Inputs) -> dict[str, Inputs]:
    """The inputs with the padding of their rows in front, under the variation's name; none without padding."""
    mask = inputs.get("attention_mask")
    if not isinstance(mask, np.ndarray) or mask.ndim != 2 or bool((mask == mask[:, ::-1]).all()):
        return {}
    return {"padded on the left": {**inputs, "attention_mask": np.ascontiguousarray(mask[:, ::-1])}}


def _of_one_batch(inputs: Inputs) -> Inputs:
    """The same inputs with as many rows as the one with the fewest has."""
    rows = min((len(value) for value in inputs.values() if np.ndim(value)), default=0)
    return {name: value[:rows] if np.ndim(value) else value for name, value in inputs.items()}


def _shaped(model: Any, names: set[str], seed: int) -> Inputs:
    """Ids, images and sound in the sizes of the configuration; spectrograms in the form that PyTorch runs on."""
    sizes = input_sizes(model.config)
    length = LENGTH if sizes.positions is None else min(LENGTH, sizes.positions)
    amounts = replace(USUAL, rows=BATCH, length=length, decoded=max(1, length - 2))
    wanted = names & DRAWN - (set() if sizes.vocabulary else TEXT)
    specs = [spec for spec in known_inputs(sizes, amounts, ordinary_ids(sizes, seed)) if spec.name in wanted]
    if "input_ids" not in {spec.name for spec in specs}:
        specs = [spec for spec in specs if spec.name != "attention_mask"]
    turned = [replace(spec, shape=bins_first(spec)) if spec.name == "input_features" else spec for spec in specs]
    inputs = with_padding(turned, numpy_inputs(turned, seed))
    if turned != specs and not runs(model, inputs):
        inputs = with_padding(specs, numpy_inputs(specs, seed))
    return inputs


def _array(name: str, value: object) -> object:
    if not isinstance(value, list):
        return value
    array = given_numbers(name, value)
    return array.astype(np.float32) if array.dtype.kind == "f" else array
