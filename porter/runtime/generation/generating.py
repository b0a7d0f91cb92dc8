"""`model.generate`: the prompt is prepared, one graph makes the tokens, what is behind the end is cut off."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from porter.runtime.generation.beams import BeamSearch
from porter.runtime.generation.choosing import one_by_one
from porter.runtime.generation.decoder import Decoder
from porter.runtime.generation.scores import Scores
from porter.runtime.generation.settings import FIELDS, WITHOUT_COUNTERPART, Settings, as_mapping, settings_of
from porter.runtime.keras_internals import set_untracked
from porter.runtime.port_errors import WrongValue

BUCKET = 64
"""Results have room for a multiple of so many tokens, so that one graph serves prompts of many lengths."""


@dataclass(frozen=True)
class Way:
    """What a graph is made for: the settings, the room for tokens, who is told, and for XLA the prompt's length."""

    settings: Settings
    places: int
    streamer: Any
    prompt: int | None

    def maker(self, model: Any) -> Callable[..., Any]:
        """The function of which the graph is made."""
        settings = self.settings
        told = getattr(self.streamer, "put", self.streamer)
        repeats = max(settings.num_beams, settings.num_return_sequences)

        def make(tokens: Any, mask: Any, sizes: Any, inputs: Mapping[str, Any]) -> Any:
            prompt, longest, shortest = tf.unstack(sizes)
            prompt = prompt if self.prompt is None else self.prompt
            padded = None if mask is None else tf.repeat(tf.argmax(mask, axis=1), repeats)
            decoder = Decoder(model, inputs, self.places, mask, repeats, settings.use_cache, self.prompt is not None)
            rules = Scores(settings, prompt, longest, shortest, padded)
            if settings.num_beams > 1:
                return BeamSearch(decoder, rules, tf.shape(tokens, out_type=tf.int64)[0]).run(tokens)
            return one_by_one(decoder, rules, tokens, told)

        return make


class Generates(keras.Model):
    """A model that can write on, if it predicts the next token."""

    config: Any
    generation_config: Mapping[str, Any] | None = None

    def generate(
        self,
        inputs: Any = None,
        generation_config: Any = None,
        streamer: Any = None,
        jit_compile: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Write on from a prompt; settings and results are those of transformers' `generate`.

        All tokens are made in one graph, in which the model remembers what it has seen in a cache of fixed size.

        Args:
            inputs: the prompts `(batch, length)`, or the encoder's main input; also as a keyword by its own name.
                Without any a prompt is the token `bos_token_id`.
            generation_config: settings: a `GenerationConfig` of transformers, or a dictionary. They come before those
                of the checkpoint, and after keywords.
            streamer: is told every column of tokens `(batch,)` by its `put`, and by its `end` when there are no more.
                It may be a function, too. Beams have none.
            jit_compile: whether XLA compiles the graph.
            kwargs: settings, and further inputs of the model such as `attention_mask`, 0 where a prompt that stands
                on the right has padding on its left.

        Returns:
            int64 tokens `(batch * num_return_sequences, length)`, the prompt included; for models with an encoder
            those of the decoder.

        Raises:
            TypeError: a keyword is neither a setting nor an input.
            NotImplementedError: a setting has no counterpart.
        """
        settings = self._settings(generation_config, kwargs)
        given = self._inputs(inputs, {name: value for name, value in kwargs.items() if name not in FIELDS})
        tokens, mask, others = self._prompt(given, settings)
        longest = settings.longest(tokens.shape[1], getattr(self.config, "max_position_embeddings", None))
        if longest <= tokens.shape[1]:
            raise WrongValue(f"The prompt has {tokens.shape[1]} tokens already, a result may have {longest}.")
        if streamer is not None and settings.num_beams > 1:
            raise WrongValue("Beams cannot be streamed: their first tokens may still change.")
        way = Way(settings, -(-longest // BUCKET) * BUCKET, streamer, tokens.shape[1] if jit_compile else None)
        room = [[0, 0], [0, way.places - tokens.shape[1]]]
        sizes = tf.constant([tokens.shape[1], longest, settings.shortest(tokens.shape[1])], tf.int64)
        if hasattr(streamer, "put"):
            streamer.put(tokens.numpy())
        mask = None if mask is None else tf.pad(mask, room, constant_values=1)
        filled = settings.padding_of_beams if settings.num_beams > 1 else settings.padding
        tokens = tf.pad(tokens, room, constant_values=filled)
        made, length = self._graph(way)(tokens, mask, sizes, others)
        if hasattr(streamer, "end"):
            streamer.end()
        return made[:, :length]

    def _settings(self, generation_config: Any, kwargs: Mapping[str, Any]) -> Settings:
        inputs = set(inspect.signature(type(self).call).parameters)
        unknown = sorted(set(kwargs) - FIELDS - WITHOUT_COUNTERPART.keys() - inputs)
        if unknown:
            raise TypeError(f"{type(self).__name__}.generate takes no {', '.join(unknown)}.")
        text_config = self.config.get_text_config(decoder=True)
        known = {name: vars(config).get(name) for config in (self.config, text_config) for name in FIELDS}
        return settings_of(kwargs, known, as_mapping(self.generation_config), as_mapping(generation_config))

    def _inputs(self, inputs: Any, others: Mapping[str, Any]) -> dict[str, Any]:
        """All inputs by name, as tensors."""
        named = dict(inputs) if isinstance(inputs, Mapping) else {}
        if inputs is not None and not isinstance(inputs, Mapping):
            named[getattr(self, "main_input_name", "input_ids")] = inputs
        named |= {name: value for name, value in others.items() if value is not None}
        tensors = {name: tf.convert_to_tensor(value) for name, value in named.items()}
        return {name: tf.cast(t, tf.int64) if t.dtype.is_integer else t for name, t in tensors.items()}

    def _prompt(self, given: dict[str, Any], settings: Settings) -> tuple[Any, Any, dict[str, Any]]:
        """The tokens to begin with, their mask where there is padding, and the other inputs."""
        if self.config.is_encoder_decoder:
            rows = tf.shape(next(iter(given.values())))[0]
            start = settings.decoder_start_token_id
            start = settings.bos_token_id if start is None else start
            if "decoder_input_ids" not in given and start is None:
                raise WrongValue("Neither decoder_start_token_id nor bos_token_id says how a result begins.")
            tokens = given.pop("decoder_input_ids") if "decoder_input_ids" in given else tf.fill((rows, 1), start)
            return tf.cast(tokens, tf.int64), None, given
        if "input_ids" not in given:
            if settings.bos_token_id is None:
                raise WrongValue("There is no prompt, and no bos_token_id to begin with.")
            given["input_ids"] = tf.fill((1, 1), tf.constant(settings.bos_token_id, tf.int64))
        tokens = given.pop("input_ids")
        mask = given.pop("attention_mask", None)
        if mask is None and settings.pad_token_id is not None and settings.pad_token_id not in settings.eos_token_id:
            mask = tf.cast(tokens != settings.pad_token_id, tf.int64)
        return tokens, None if mask is None or bool(tf.reduce_all(mask == 1)) else mask, given

    def _graph(self, way: Way) -> Any:
        """The graph for one way of generating, made when it is first asked for."""
        if "_generation_graphs" not in vars(self):
            set_untracked(self, "_generation_graphs", {})
        graphs: dict[Any, Any] = vars(self)["_generation_graphs"]
        if way not in graphs:
            compiled = way.prompt is not None
            graphs[way] = tf.function(
                way.maker(self), autograph=False, reduce_retracing=not compiled, jit_compile=compiled or None
            )
        return graphs[way]
