"""Inputs through the repository's own tokenizer, image processor and feature extractor, made of samples of our own."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np

from porter.base import console
from porter.base.errors import UsageError
from porter.base.reading import check_regular, read_json
from porter.subject.inputs.arrays import Inputs

SENTENCES = (
    "The quick brown fox jumps over the lazy dog near the river bank.",
    "A short line.",
)
TOKENIZER = "tokenizer_config.json"
READ = ("*.json", "*.txt", "*.model", "*.jinja")
SETTINGS = ("preprocessor_config.json", "processor_config.json")
HEIGHT, WIDTH = 240, 320
SECONDS = (1.0, 0.5)
USUAL_RATE = 16_000
Array = np.ndarray[Any, Any]


def processed_inputs(folder: Path, names: Collection[str], trust: bool = False) -> Inputs:
    """What the folder's own processors make of two sentences, two images and two sounds, for the arguments ``names``.

    What the folder has no processor for is left out, and so is, with a word on it, what one of them fails at.
    Classes that lie in the folder are used with ``trust`` only; nobody is asked.
    """
    inputs: Inputs = {}
    settings = _settings(folder)
    if "input_ids" in names and (folder / TOKENIZER).exists():
        inputs.update(_tried("tokenizer", folder, trust, _tokenized))
    if "pixel_values" in names and "image_processor_type" in settings:
        inputs.update(_tried("image processor", folder, trust, _images_processed))
    if {"input_values", "input_features"} & set(names) and "feature_extractor_type" in settings:
        inputs.update(_tried("feature extractor", folder, trust, _sounds_processed))
    return {name: value for name, value in inputs.items() if name in names}


def _settings(folder: Path) -> set[str]:
    """The keys of the processors' settings, those of parts of a processor too; none of a file that holds no table."""
    keys: set[str] = set()
    for file in (folder / name for name in SETTINGS if (folder / name).exists()):
        try:
            found = read_json(file)
        except UsageError as error:
            console.say(f"the settings of the repository's processors are not used: {error}")
            continue
        if isinstance(found, dict):
            keys |= set(found) | {key for part in found.values() if isinstance(part, dict) for key in part}
    return keys


def _tried(what: str, folder: Path, trust: bool, run: Callable[[Path, bool], Inputs]) -> Inputs:
    """A processor's inputs; what it needs may not be installed, or it may want more than a sample."""
    try:
        for pattern in READ:
            for file in folder.glob(pattern):
                check_regular(file)
        return run(folder, trust)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - libraries trip over odd files in any way, tokenizers by a panic
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        console.say(f"the repository's own {what} is not used, the configuration gives the sizes: {reason}")
        return {}


def _tokenized(folder: Path, trust: bool) -> Inputs:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust, local_files_only=True)
    padding = tokenizer.pad_token is not None
    texts = list(SENTENCES) if padding else [SENTENCES[0]]
    made = tokenizer(texts, padding=padding, return_tensors="np")
    return {name: value.astype(np.int64) for name, value in made.items()}


def _images_processed(folder: Path, trust: bool) -> Inputs:
    from transformers import AutoImageProcessor

    processor = AutoImageProcessor.from_pretrained(folder, trust_remote_code=trust, local_files_only=True)
    return {name: _plain(value) for name, value in processor(sample_images(), return_tensors="np").items()}


def _sounds_processed(folder: Path, trust: bool) -> Inputs:
    from transformers import AutoFeatureExtractor

    extractor = AutoFeatureExtractor.from_pretrained(folder, trust_remote_code=trust, local_files_only=True)
    rate = getattr(extractor, "sampling_rate", USUAL_RATE)
    sounds = sample_sounds(rate)
    made = extractor(sounds, sampling_rate=rate)  # some pad to a length that the model wants, others not at all
    if any(len({len(row) for row in rows}) > 1 for rows in made.values()):
        made = extractor(sounds, sampling_rate=rate, padding=True)
    return {name: _plain(value) for name, value in made.items()}


def _plain(value: object) -> Array:
    """As PyTorch's processors give it: float32 and int64."""
    array = np.asarray(value)
    wide = {"f": np.float32, "i": np.int64, "u": np.int64}
    return array.astype(wide.get(array.dtype.kind, array.dtype))


def sample_images() -> list[Array]:
    """A disc on a gradient and a coloured chequerboard: height by width by RGB, bytes."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    gradient = np.stack([255 * across / WIDTH, 255 * down / HEIGHT, 128 + 0 * down], axis=-1)
    disc = (down - HEIGHT / 2) ** 2 + (across - WIDTH / 3) ** 2 < (HEIGHT / 4) ** 2
    board = ((down // 30 + across // 40) % 2)[..., None] * np.array([230, 180, 40]) + np.array([10, 30, 90])
    return [np.where(disc[..., None], 255 - gradient, gradient).astype(np.uint8), board.astype(np.uint8)]


def sample_sounds(rate: int) -> list[Array]:
    """A rising tone of a second, and a chord that fades of half a second: samples in float32, from -1 to 1."""
    times = [np.arange(int(rate * seconds)) / rate for seconds in SECONDS]
    rising = np.sin(2 * np.pi * (200 + 300 * times[0]) * times[0])
    chord = sum(np.sin(2 * np.pi * pitch * times[1]) for pitch in (220.0, 277.0, 330.0)) / 3 * np.exp(-4 * times[1])
    return [(0.5 * rising).astype(np.float32), np.asarray(chord, np.float32)]
