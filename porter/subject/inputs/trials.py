"""Inputs on which two models are compared: made from the configuration and from what PyTorch's forward takes.

Text in several lengths, padded on both sides; images and audio in the sizes that the configuration names; a decoder
gets its start token and some more. Every trial is run on PyTorch before it counts.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from porter.runtime.stored.tensor_source import Array
from porter.subject.inputs.arrays import numpy_inputs
from porter.subject.inputs.from_layers import inputs_from_layers
from porter.subject.inputs.input_sizes import InputSizes, input_sizes
from porter.subject.inputs.known_inputs import Amounts, known_inputs, ordinary_ids

BATCH = 2
SHORT, LONG = 7, 128
USUAL = Amounts(BATCH, SHORT, decoded=5, side=224, frames=100, samples=16_000)
"""What a checkpoint is tried on; the samples are a second of sound."""
PAST = "past_key_values"
PROCESSED = "samples through the repository's processors"


@dataclass(frozen=True)
class Trial:
    """One set of inputs, by PyTorch's argument names.

    Attributes:
        name: what it is called in reports.
        inputs: of the call whose outputs are compared.
        before: of a call that comes first and whose cache the other one gets; None where there is none.
    """

    name: str
    inputs: Mapping[str, Array]
    before: Mapping[str, Array] | None = None


def candidates(model: Any, seed: int = 0, processed: Mapping[str, Array] | None = None) -> list[Trial]:
    """Trials that the PyTorch model may run on.

    Args:
        model: whose configuration and forward say what it takes.
        seed: of what is drawn.
        processed: what the repository's own processors make, for a trial of its own.
    """
    accepted = set(inspect.signature(model.forward).parameters)
    sizes = input_sizes(model.config)
    made = list(_main_inputs(sizes, accepted, seed)) or list(_of_layers(model, seed))
    if processed:
        made.append(Trial(PROCESSED, processed))
    return list(_with_decoder(made, sizes, accepted))


def steps_from_cache(trials: Iterable[Trial]) -> list[Trial]:
    """For each trial whose inputs are several tokens, the last one alone after a call with all before it."""
    return [step for trial in trials if (step := _last_from_cache(trial)) is not None]


def _last_from_cache(trial: Trial) -> Trial | None:
    """The last token alone, after a call with all before it; None where there is no token before it."""
    name = next((name for name in ("decoder_input_ids", "input_ids") if name in trial.inputs), None)
    if name is None or trial.inputs[name].shape[1] < 2:
        return None
    tokens = trial.inputs[name]
    before = {**trial.inputs, name: tokens[:, :-1]}
    if name == "input_ids" and "attention_mask" in before:
        before["attention_mask"] = before["attention_mask"][:, :-1]
    return Trial(f"{trial.name} (the last from the cache)", {**trial.inputs, name: tokens[:, -1:]}, before)


def _main_inputs(sizes: InputSizes, accepted: set[str], seed: int) -> Iterator[Trial]:
    """Texts, with images where the model takes both; else images, sounds or spectrograms alone."""
    usual = _drawn(sizes, USUAL, seed)
    pixels = {name: usual[name] for name in ("pixel_values",) if name in accepted}
    if "input_ids" in accepted:
        for trial in _texts(sizes, accepted, seed):
            yield Trial(trial.name, {**trial.inputs, **pixels})
    elif pixels:
        yield Trial("images", pixels)
    elif "input_values" in accepted:
        yield from _waves(usual["input_values"], accepted)
    elif "input_features" in accepted:
        features = usual["input_features"]
        yield Trial("features", {"input_features": np.swapaxes(features, 1, 2).copy()})
        yield Trial("features, frames before bins", {"input_features": features})


def _of_layers(model: Any, seed: int) -> Iterator[Trial]:
    """What the first layer takes, for a model whose one argument has a name of its own."""
    specs = inputs_from_layers(model)
    if specs:
        yield Trial(f"{specs[0].name} as its layers take it", numpy_inputs(list(specs), seed))


def _drawn(sizes: InputSizes, amounts: Amounts, seed: int) -> dict[str, Array]:
    """Every known input by name."""
    return numpy_inputs(list(known_inputs(sizes, amounts, ordinary_ids(sizes, seed))), seed)


def _texts(sizes: InputSizes, accepted: set[str], seed: int) -> Iterator[Trial]:
    # Two positions less, because some models count from behind their padding token.
    longest = min(LONG, sizes.positions - 2) if sizes.positions is not None else LONG
    for length, rows in ((1, BATCH), (SHORT, BATCH), (longest, 1)):
        name = f"{length} token{'s' if length > 1 else ''}"
        yield Trial(name, {"input_ids": _tokens(sizes, rows, length, seed)})
    if "attention_mask" in accepted:
        for side in ("right", "left"):
            yield Trial(f"padded {side}", _padded(sizes, side, seed))


def _tokens(sizes: InputSizes, rows: int, length: int, seed: int) -> Array:
    ids: Array = _drawn(sizes, replace(USUAL, rows=rows, length=length), seed)["input_ids"]
    return ids


def _padded(sizes: InputSizes, side: str, seed: int) -> dict[str, Array]:
    """Two rows of which the second is shorter."""
    mask = np.ones((BATCH, SHORT), np.int64)
    mask[1, slice(0, 3) if side == "left" else slice(-3, None)] = 0
    ids = np.where(mask == 1, _tokens(sizes, BATCH, SHORT, seed), sizes.special.get("pad", 0))
    return {"input_ids": ids, "attention_mask": mask}


def _waves(waves: Array, accepted: set[str]) -> Iterator[Trial]:
    """A second of sound, and two of which one is shorter."""
    yield Trial("sound", {"input_values": waves})
    if "attention_mask" in accepted:
        mask = np.ones(waves.shape, np.int64)
        mask[1, waves.shape[1] // 2 :] = 0
        yield Trial("padded sound", {"input_values": waves * mask.astype(np.float32), "attention_mask": mask})


def _with_decoder(made: Iterable[Trial], sizes: InputSizes, accepted: set[str]) -> Iterator[Trial]:
    """The same trials with a few tokens for the decoder, where there is one."""
    for trial in made:
        if "decoder_input_ids" in accepted:
            rows = min(len(array) for array in trial.inputs.values())
            ids = _drawn(sizes, replace(USUAL, rows=rows), len(trial.name))["decoder_input_ids"]
            yield Trial(trial.name, {**trial.inputs, "decoder_input_ids": ids})
        else:
            yield trial
