"""The parts of a model that generates: what computes the first tokens, and what goes on from keys and values."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from porter.base.errors import UsageError
from porter.export.axes import BATCH, SEQUENCE, Axes
from porter.export.samples import Samples
from porter.subject.inputs.companions import MASK
from porter.subject.inputs.trials import Trial

IDS, DECODER_IDS, PAST, ENCODED = "input_ids", "decoder_input_ids", "past_key_values", "encoder_outputs"
ENCODER = "encoder_model"
PAST_SEQUENCE, ENCODER_SEQUENCE = "past_sequence", "encoder_sequence"
STEP = 2
"""New tokens of the traced step: with a single one the exporter takes the length for a constant."""
_CACHED = re.compile(r"past_key_values\.(?:layers\.)?(?P<part>\D*)(?P<layer>\d+)\.(?P<kind>key|value)s")
PARTS = {"self_attention_cache": "decoder.", "cross_attention_cache": "encoder."}
"""What the caches of a decoder's own tokens and of the encoder's are called."""
Rename = Callable[[str, str], str | None]
"""The file's name of one of PyTorch's inputs or outputs (a path, and the prefix of a cache); None leaves it out."""
DECODER_NAMES: Mapping[str, str | None] = {
    DECODER_IDS: IDS,
    MASK: f"encoder_{MASK}",
    f"{ENCODED}.0": "encoder_hidden_states",
    "encoder_last_hidden_state": None,
}


@dataclass(frozen=True)
class Part:
    """A module of the model that becomes a file, with inputs that hold caches as PyTorch's objects.

    Attributes:
        name: of the file, without its ending.
        module: the PyTorch module.
        traced: the inputs that are traced.
        trials: the inputs on which the file is compared.
        rename: how the file calls inputs and outputs.
        axes: the changeable axes by the file's names.
    """

    name: str
    module: Any
    traced: Trial
    trials: tuple[Trial, ...]
    rename: Rename
    axes: Mapping[str, Axes]

    @property
    def caches(self) -> bool:
        """Whether the module gives keys and values back; an encoder does not."""
        return self.name != ENCODER


def cache_name(name: str, prefix: str) -> str:
    """`past_key_values.0.key`, or `present.0.key`, for the name that the exporter gives to a tensor of a cache."""
    found = _CACHED.fullmatch(name)
    if found is None:
        return name
    part = next((label for cache, label in PARTS.items() if found["part"].startswith(cache)), "")
    return f"{prefix}.{found['layer']}.{part}{found['kind']}"


def whole_name(path: str, prefix: str) -> str | None:
    """Names of a file that holds the whole model: only tensors of a cache are called otherwise than in PyTorch."""
    return cache_name(path, prefix)


def decoder_name(path: str, prefix: str) -> str | None:
    """Names of the decoder alone, as the users of onnxruntime know them."""
    return DECODER_NAMES[path] if path in DECODER_NAMES else cache_name(path, prefix)


def step_name(path: str, prefix: str) -> str | None:
    """Names of a step of the decoder: what the encoder gave is in the cache, and leaves it unchanged."""
    name = decoder_name(path, prefix)
    unchanged = name == "encoder_hidden_states" or (prefix == "present" and ".encoder." in (name or ""))
    return None if unchanged else name


def parts_of(model: Any, samples: Samples) -> list[Part]:
    """One part of a decoder, three of an encoder and decoder.

    Raises:
        UsageError: the model gives no keys and values back, or takes no tokens.
    """
    if DECODER_IDS in samples.traced.inputs:
        return list(_encoder_decoder(model, samples))
    if IDS not in samples.traced.inputs:
        raise UsageError(f"{type(model).__name__} takes no {IDS}.", hint="leave -with-past out")
    traced = _step(model, samples.traced, STEP)
    steps = [_step(model, trial, 1) for trial in samples.trials if trial.inputs[IDS].shape[1] > 1]
    axes = {IDS: {0: BATCH, 1: SEQUENCE}, MASK: {0: BATCH, 1: f"{PAST_SEQUENCE} + {SEQUENCE}"}, **_cache_axes(traced)}
    trials = (traced, *steps, *_first_tokens(samples.traced, traced))
    return [Part("model", model, traced, trials, whole_name, axes)]


def _first_tokens(whole: Trial, step: Trial) -> Iterator[Trial]:
    """All tokens with a past of length 0, where the cache is one that can be empty."""
    from transformers.cache_utils import DynamicLayer

    cache = copy.deepcopy(step.inputs[PAST])
    layers = getattr(cache, "layers", [])
    if not layers or any(type(layer) is not DynamicLayer for layer in layers):
        return
    for layer in layers:
        layer.keys, layer.values = layer.keys[..., :0, :], layer.values[..., :0, :]
    yield Trial(f"{whole.name}, from an empty cache", {**whole.inputs, PAST: cache})


def _encoder_decoder(model: Any, samples: Samples) -> Iterator[Part]:
    encoder = model.get_encoder()
    own = [_only(trial, lambda name: not name.startswith("decoder_")) for trial in samples.trials]
    first = _only(samples.traced, lambda name: not name.startswith("decoder_"))
    yield Part(ENCODER, encoder, first, tuple(own), whole_name, {})
    starts = [_start(model, trial) for trial in samples.trials]
    traced = _start(model, samples.traced)
    axes = {
        IDS: {0: BATCH, 1: SEQUENCE},
        f"encoder_{MASK}": {0: BATCH, 1: ENCODER_SEQUENCE},
        "encoder_hidden_states": {0: BATCH, 1: ENCODER_SEQUENCE},
    }
    yield Part("decoder_model", model, traced, tuple(starts), decoder_name, axes)
    step = _step(model, traced, STEP)
    steps = tuple(_step(model, trial, 1) for trial in starts)
    yield Part("decoder_with_past_model", model, step, (step, *steps), step_name, {**axes, **_cache_axes(step)})


def _only(trial: Trial, wanted: Callable[[str], bool]) -> Trial:
    return Trial(trial.name, {name: value for name, value in trial.inputs.items() if wanted(name)})


def _start(model: Any, trial: Trial) -> Trial:
    """The decoder's inputs, with what the encoder makes of the others."""
    import torch

    own = {name: torch.from_numpy(value) for name, value in trial.inputs.items() if not name.startswith("decoder_")}
    with torch.no_grad():
        encoded = model.get_encoder()(**own)[0].numpy()
    inputs: dict[str, Any] = {ENCODED: (encoded,), DECODER_IDS: trial.inputs[DECODER_IDS]}
    if MASK in trial.inputs:
        inputs[MASK] = trial.inputs[MASK]
    return Trial(trial.name, inputs)


def _step(model: Any, trial: Trial, count: int) -> Trial:
    """The last tokens of a trial, with the keys and values of those before.

    Raises:
        UsageError: the model gives none.
    """
    import torch

    from diffcheck.record.torch_side import to_torch

    name = DECODER_IDS if DECODER_IDS in trial.inputs else IDS
    tokens = trial.inputs[name]
    before, after = dict(trial.inputs), dict(trial.inputs)
    for other, value in trial.inputs.items():
        if other == name or (name == IDS and getattr(value, "shape", None) == tokens.shape):
            before[other] = value[:, :-count]
            after[other] = value if other == MASK else value[:, -count:]
    with torch.no_grad():
        cache = model(**to_torch(before), use_cache=True).get(PAST)
    if cache is None:
        raise UsageError(f"{type(model).__name__} gives no keys and values back.", hint="leave -with-past out")
    return Trial(f"{trial.name}, {count} from the cache", {**after, PAST: cache})


def _cache_axes(trial: Trial) -> dict[str, Axes]:
    """The axes of the tensors of a cache, by the file's names."""
    from diffcheck.record.values import flatten

    found: dict[str, Axes] = {}
    for path in flatten({PAST: copy.deepcopy(trial.inputs[PAST])}).tensors:
        name = cache_name(path, PAST)
        found[name] = {0: BATCH, 2: ENCODER_SEQUENCE if ".encoder." in name else PAST_SEQUENCE}
    return found


@contextmanager
def giving_cache(model: Any, gives: bool) -> Iterator[None]:
    """Let a model give keys and values back, or it and all models inside it none, within the block."""
    if gives:  # an encoder inside gives none in any case
        configs = [model.config, model.config.get_text_config(decoder=True)]
    else:
        configs = [module.config for module in model.modules() if getattr(module, "config", None) is not None]
    found = [config for config in {id(each): each for each in configs}.values() if hasattr(config, "use_cache")]
    before = [config.use_cache for config in found]
    for config in found:
        config.use_cache = gives
    try:
        yield
    finally:
        for config, value in zip(found, before, strict=True):
            config.use_cache = value
