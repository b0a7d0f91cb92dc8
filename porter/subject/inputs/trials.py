"""Inputs on which two models are compared: made from the configuration and from what PyTorch's forward takes.

Text in several lengths, padded on both sides; images and audio in the sizes that the configuration names; a decoder
gets its start token and some more. Every trial is run on PyTorch before it counts.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from porter.runtime.stored.tensor_source import Array

BATCH = 2
SHORT, LONG = 7, 128
DECODED = 5
SAMPLES_PER_SECOND = 16_000
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
    made = list(_main_inputs(model.config, accepted, np.random.default_rng(seed)))
    if processed:
        made.append(Trial(PROCESSED, processed))
    return list(_with_decoder(iter(made), model, accepted))


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


def _main_inputs(config: Any, accepted: set[str], draw: np.random.Generator) -> Iterator[Trial]:
    pixels = {"pixel_values": _pixels(config, draw)} if "pixel_values" in accepted else {}
    if "input_ids" in accepted:
        for trial in _texts(config, accepted, draw):
            yield Trial(trial.name, {**trial.inputs, **pixels})
    elif pixels:
        yield Trial("images", pixels)
    elif "input_values" in accepted:
        yield from _waves(accepted, draw)
    elif "input_features" in accepted:
        yield Trial("features", {"input_features": _features(config, draw)})


def _texts(config: Any, accepted: set[str], draw: np.random.Generator) -> Iterator[Trial]:
    text = _text_config(config)
    # Two positions less, because some models count from behind their padding token.
    limit = int(_first(text, "max_position_embeddings", "n_positions", default=LONG + 2))
    longest = min(LONG, limit - 2) if limit > 0 else LONG  # -1 stands for no limit
    for length, batch in ((1, BATCH), (SHORT, BATCH), (longest, 1)):
        name = f"{length} token{'s' if length > 1 else ''}"
        yield Trial(name, {"input_ids": _tokens(text, draw, length)[:batch]})
    if "attention_mask" in accepted:
        for side in ("right", "left"):
            yield Trial(f"padded {side}", _padded(text, draw, side))


def _padded(text: Any, draw: np.random.Generator, side: str) -> dict[str, Array]:
    """Two rows of which the second is shorter."""
    mask = np.ones((BATCH, SHORT), np.int64)
    mask[1, slice(0, 3) if side == "left" else slice(-3, None)] = 0
    ids = np.where(mask == 1, _tokens(text, draw, SHORT), _padding(text))
    return {"input_ids": ids, "attention_mask": mask}


def _tokens(text: Any, draw: np.random.Generator, length: int) -> Array:
    """Ordinary words that end with the end token, which some models look for."""
    special = {_first(text, f"{kind}_token_id") for kind in ("pad", "bos", "eos", "sep", "cls", "mask")}
    size = int(_first(text, "vocab_size", default=2))
    words = np.setdiff1d(np.arange(min(size, 200_000)), [token for token in special if isinstance(token, int)])
    ids: Array = draw.choice(words, size=(BATCH, length)).astype(np.int64)
    end = _first(text, "eos_token_id")
    if isinstance(end, int) and 0 <= end < size and length > 1:
        ids[:, -1] = end
    return ids


def _padding(text: Any) -> int:
    pad = _first(text, "pad_token_id")
    return pad if isinstance(pad, int) and pad >= 0 else 0


def _pixels(config: Any, draw: np.random.Generator) -> Array:
    vision = getattr(config, "vision_config", config)
    size = _first(vision, "image_size", default=224)
    height, width = size if isinstance(size, list | tuple) else (size, size)
    shape = (BATCH, int(_first(vision, "num_channels", "in_channels", default=3)), int(height), int(width))
    return draw.standard_normal(shape).astype(np.float32)


def _waves(accepted: set[str], draw: np.random.Generator) -> Iterator[Trial]:
    """A second of sound, and two of which one is shorter."""
    waves = draw.standard_normal((BATCH, SAMPLES_PER_SECOND)).astype(np.float32)
    yield Trial("sound", {"input_values": waves})
    if "attention_mask" in accepted:
        mask = np.ones(waves.shape, np.int64)
        mask[1, SAMPLES_PER_SECOND // 2 :] = 0
        yield Trial("padded sound", {"input_values": waves * mask.astype(np.float32), "attention_mask": mask})


def _features(config: Any, draw: np.random.Generator) -> Array:
    mels = int(_first(config, "num_mel_bins", "feature_size", default=80))
    frames = 2 * int(_first(config, "max_source_positions", default=50))
    return draw.standard_normal((BATCH, mels, frames)).astype(np.float32)


def _with_decoder(made: Iterator[Trial], model: Any, accepted: set[str]) -> Iterator[Trial]:
    """The same trials with a few tokens for the decoder, where there is one."""
    if "decoder_input_ids" not in accepted:
        yield from made
        return
    text = _text_config(model.config)
    start = _first(model.config, "decoder_start_token_id", "bos_token_id", "pad_token_id", default=0)
    for trial in made:
        rows = min(len(array) for array in trial.inputs.values())
        ids = _tokens(text, np.random.default_rng(len(trial.name)), DECODED)[:rows]
        ids[:, 0] = start
        yield Trial(trial.name, {**trial.inputs, "decoder_input_ids": ids})


def _text_config(config: Any) -> Any:
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def _first(config: Any, *names: str, default: Any = None) -> Any:
    """The first of these attributes that the configuration has and that is not None."""
    return next((value for name in names if (value := getattr(config, name, None)) is not None), default)
