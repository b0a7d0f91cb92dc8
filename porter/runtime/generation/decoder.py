"""A model that is asked for one token after the other: what it is given, and what it remembers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from porter.runtime.caches.cache import Cache, DynamicCache, StaticCache, TracedCache
from porter.runtime.caches.encoder_decoder import EncoderDecoderCache
from porter.runtime.caches.structure import Structure, joined, split
from porter.runtime.outputs import TFBaseModelOutput
from porter.runtime.port_errors import WrongValue

_CACHES = ("past_key_values", "cache_params")
Memory = tuple[Any, ...]


@dataclass(frozen=True)
class Decoder:
    """A model and what its calls have in common.

    Attributes:
        model: the model.
        inputs: what is given besides the tokens: an encoder's inputs, or what goes with the prompt.
        places: how many tokens fit into a result.
        mask: which tokens count `(rows, places)`; None where all do.
        repeats: how many results each row gets.
        use_cache: whether the model remembers what it has seen.
        fixed_sizes: whether masks keep their full length, as XLA needs it.
    """

    model: Any
    inputs: Mapping[str, Any]
    places: int
    mask: Any = None
    repeats: int = 1
    use_cache: bool = True
    fixed_sizes: bool = False

    @property
    def _takes(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(type(self.model).call).parameters

    @property
    def _cache_name(self) -> str | None:
        return next((name for name in _CACHES if name in self._takes), None) if self.use_cache else None

    @property
    def _has_encoder(self) -> bool:
        return bool(self.model.config.is_encoder_decoder)

    def start(self, tokens: Any) -> tuple[Any, Remembered]:
        """The scores of what follows the prompt `(rows, length)`, and what the model remembers of it.

        Both have each row `repeats` times.
        """
        given: dict[str, Any] = {**self.inputs, **self._options()}
        if self._cache_name is not None:
            given |= {self._cache_name: self._empty_cache(), "use_cache": True}
        outputs = self._called(tokens, self.mask, given, (0, tf.shape(tokens, out_type=tf.int64)[1]))
        encoded = outputs.get("encoder_last_hidden_state") if self._has_encoder else None
        cache = outputs.get(self._cache_name) if self._cache_name is not None else None
        if self.repeats > 1 and cache is not None:
            cache.batch_repeat_interleave(self.repeats)
        return self._repeated(_last(outputs)), Remembered.of(cache, self._repeated(encoded))

    def _repeated(self, tensor: Any) -> Any:
        return tensor if tensor is None or self.repeats == 1 else tf.repeat(tensor, self.repeats, axis=0)

    def step(self, tokens: Any, length: Any, memory: Remembered) -> tuple[Any, Remembered]:
        """The scores of what follows the first `length` of `tokens` `(rows, places)`, all but the last remembered."""
        cache, encoded = memory.contents()
        given = dict(self._options())
        if encoded is not None:
            given |= {name: self._repeated(value) for name, value in self.inputs.items() if name == "attention_mask"}
            given["encoder_outputs"] = TFBaseModelOutput(last_hidden_state=encoded)
        mask = self._repeated(self.mask)
        if self._cache_name is None:
            others = {} if self._has_encoder else {name: self._repeated(value) for name, value in self.inputs.items()}
            outputs = self._called(tokens[:, :length], mask, {**others, **given}, (0, length))
            return _last(outputs), memory
        given |= {self._cache_name: cache, "use_cache": True}
        last = tf.gather(tokens, [length - 1], axis=1)
        outputs = self._called(last, mask, given, (length - 1, length))
        return _last(outputs), memory.updated(outputs.get(self._cache_name))

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"return_dict": True, "training": False, "use_cache": False}
        if "logits_to_keep" in self._takes:
            options["logits_to_keep"] = 1
        return {name: value for name, value in options.items() if name in self._takes}

    def _called(self, tokens: Any, mask: Any, given: Mapping[str, Any], span: tuple[Any, Any]) -> Any:
        """The model's output for tokens that stand from the first to before the second place of `span`."""
        if self._has_encoder:
            return self.model(**given, decoder_input_ids=tokens)
        own = {}
        if mask is not None:
            first, end = span
            own["attention_mask"] = mask if self.fixed_sizes else mask[:, :end]
            if "position_ids" in self._takes:
                places = first + tf.range(tf.shape(tokens, out_type=tf.int64)[1])
                own["position_ids"] = tf.gather(tf.maximum(tf.cumsum(mask, axis=1) - 1, 0) * mask, places, axis=1)
        return self.model(**{**given, **own}, input_ids=tokens)

    def _empty_cache(self) -> TracedCache:
        cache: Cache = StaticCache(self.model.config, self.places)
        if not self._has_encoder:
            return cache
        return EncoderDecoderCache(cache, DynamicCache())


@dataclass(frozen=True)
class Remembered:
    """What a model remembers, in a form that the loop of a graph can carry: tensors, and how they lie in a cache."""

    tensors: Memory
    form: Structure
    encoded: Any

    @classmethod
    def of(cls, cache: Any, encoded: Any) -> Remembered:
        """The memory that a cache and an encoder's states make."""
        tensors: list[Any] = []
        form = split(cache, tensors)
        return cls(tuple(tensors), form, encoded)

    def contents(self) -> tuple[Any, Any]:
        """The cache and the encoder's states."""
        return joined(self.form, iter(self.tensors)), self.encoded

    def updated(self, cache: Any) -> Remembered:
        """The memory after a step.

        Raises:
            WrongValue: the step has changed its form, which a loop cannot carry.
        """
        tensors: list[Any] = []
        if split(cache, tensors) != self.form:
            raise WrongValue("The cache changes its form from step to step: pass use_cache=False.")
        kept = zip(tensors, self.tensors, strict=True)
        return self.with_tensors(tuple(tf.ensure_shape(new, old.shape) for new, old in kept))

    @property
    def shapes(self) -> tuple[tf.TensorShape, ...]:
        """The tensors' shapes in a loop, for any number of rows."""
        shapes = (tensor.shape for tensor in self.tensors)
        return tuple(shape if shape.rank == 0 else tf.TensorShape([None, *shape[1:]]) for shape in shapes)

    def with_tensors(self, tensors: Memory) -> Remembered:
        """The same form around other tensors."""
        return Remembered(tensors, self.form, self.encoded)

    def reordered(self, rows: Any) -> Remembered:
        """The rows in this order; the encoder's states are the same within what is exchanged."""
        cache, encoded = self.contents()
        if cache is None:
            return self
        cache.reorder_cache(rows)
        return Remembered.of(cache, encoded)


def _last(outputs: Any) -> Any:
    """The scores of the last position `(rows, vocabulary)`.

    Raises:
        TypeError: the model scores no tokens.
    """
    logits = outputs.get("logits")
    if logits is None or logits.shape.rank != 3:
        raise TypeError(f"{type(outputs).__name__} has no scores of tokens, so the model cannot generate.")
    return tf.cast(logits[:, -1], tf.float32)
