"""The memory of a whole model: one cache layer for each of its layers, with the methods that modeling code calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Self

from porter.runtime.caches.cache_layers import (
    CacheLayer,
    DummyLayer,
    DynamicLayer,
    DynamicSlidingWindowLayer,
    StaticLayer,
)
from porter.runtime.caches.former_methods import FormerMethods
from porter.runtime.caches.indexed_layers import IndexedLayer, indexed
from porter.runtime.caches.linear_layers import (
    LinearAttentionAndFullAttentionLayer,
    LinearAttentionAndSlidingWindowAttentionLayer,
    LinearAttentionAndStaticFullAttentionLayer,
    LinearAttentionLayer,
)
from porter.runtime.caches.structure import Structure, joined, split
from porter.runtime.port_errors import Unsupported, WrongValue

_DYNAMIC: Mapping[str, type[CacheLayer]] = MappingProxyType(
    {
        "full_attention": DynamicLayer,
        "sliding_attention": DynamicSlidingWindowLayer,
        "chunked_attention": DynamicSlidingWindowLayer,
        "indexed_attention": IndexedLayer,
        "conv": LinearAttentionLayer,
        "linear_attention": LinearAttentionLayer,
        "hybrid": LinearAttentionAndFullAttentionLayer,
        "hybrid_sliding": LinearAttentionAndSlidingWindowAttentionLayer,
        "dummy": DummyLayer,
    }
)
_STATIC: Mapping[str, type[CacheLayer]] = MappingProxyType(
    {
        "full_attention": StaticLayer,
        "sliding_attention": StaticLayer,
        "chunked_attention": StaticLayer,
        "conv": LinearAttentionLayer,
        "linear_attention": LinearAttentionLayer,
        "hybrid": LinearAttentionAndStaticFullAttentionLayer,
        "hybrid_sliding": LinearAttentionAndStaticFullAttentionLayer,
        "dummy": DummyLayer,
    }
)


class TracedCache:
    """A cache as argument and result of a `tf.function`: tensors go in and come out, the form is part of the graph.

    The function returns another object, with which its caller continues.
    """

    def copy(self) -> Self:
        """Another cache with the same tensors; a `tf.function` must not change its argument."""
        tensors: list[Any] = []
        copied: Self = joined(split(self, tensors, counts_vary=False), iter(tensors))
        return copied

    def __tf_flatten__(self) -> tuple[Structure, tuple[Any, ...]]:
        tensors: list[Any] = []
        return split(self, tensors), tuple(tensors)

    @classmethod
    def __tf_unflatten__(cls, metadata: Structure, components: tuple[Any, ...]) -> Self:
        rebuilt: Self = joined(metadata, iter(components))
        return rebuilt


class Cache(FormerMethods, TracedCache):
    """A list of cache layers.

    Args:
        layers: the layers; without them a layer is added whenever one is updated that is not there yet.
        layer_class_to_replicate: the class of layers to add.
    """

    def __init__(
        self, layers: list[CacheLayer] | None = None, layer_class_to_replicate: type[CacheLayer] | None = None
    ) -> None:
        if (layers is None) == (layer_class_to_replicate is None):
            raise WrongValue("A cache needs either its layers or the class of its layers.")
        self.layers = layers or []
        self.layer_class_to_replicate = layer_class_to_replicate

    def __len__(self) -> int:
        return len(self.layers)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return iter([(layer.keys, layer.values) for layer in self.layers])

    def update(self, key_states: Any, value_states: Any, layer_idx: int, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Remember keys and values `(batch, heads, new, size)` of a layer; return those to attend to."""
        while self.layer_class_to_replicate is not None and len(self.layers) <= layer_idx:
            self.layers.append(self.layer_class_to_replicate())
        return self.layers[layer_idx].update(key_states, value_states, *args, **kwargs)

    def get_seq_length(self, layer_idx: int = 0) -> Any:
        """How many positions a layer has seen: a number, or an int64 scalar in a graph."""
        layer = self._attention_layer(layer_idx)
        return 0 if layer is None else layer.get_seq_length()

    def get_query_offset(self, layer_idx: int = 0) -> Any:
        """The position of the next query."""
        return self.get_seq_length(layer_idx)

    def get_mask_sizes(self, query_length: Any, layer_idx: int) -> tuple[Any, Any]:
        """`(number of keys, position of the first)` that new queries will attend to in a layer."""
        layer = self._attention_layer(layer_idx)
        return (query_length, 0) if layer is None else layer.get_mask_sizes(query_length)

    def _attention_layer(self, layer_idx: int) -> CacheLayer | None:
        """The layer, or for 0 the first with attention; None when it does not exist yet.

        Raises:
            WrongValue: the layer has no attention.
        """
        if layer_idx >= len(self.layers):
            return None
        candidates = self.layers if layer_idx == 0 else self.layers[layer_idx : layer_idx + 1]
        with_attention = [layer for layer in candidates if type(layer) not in (LinearAttentionLayer, DummyLayer)]
        if not with_attention:
            raise WrongValue(f"Layer {layer_idx} of the cache has no attention, so it counts no positions.")
        return with_attention[0]

    def get_max_length(self, layer_idx: int | None = None) -> int:
        """How many positions fit; -1 for any number."""
        if layer_idx is None:
            return max((layer.get_max_length() for layer in self.layers), default=-1)
        return self.layers[layer_idx].get_max_length() if layer_idx < len(self.layers) else -1

    def _linear_layer(self, layer_idx: int) -> LinearAttentionLayer:
        layer = self.layers[layer_idx]
        if not isinstance(layer, LinearAttentionLayer):
            raise WrongValue(f"Layer {layer_idx} of the cache is a {type(layer).__name__}, not a linear one.")
        return layer

    def get_conv_state(self, layer_idx: int, state_idx: int = 0) -> Any:
        """What a convolution remembers; None before its first step."""
        layer = self._linear_layer(layer_idx)
        return layer.conv_states[state_idx] if layer.has_previous_state[state_idx] else None

    def keep_conv_state(self, conv_state: Any, layer_idx: int, state_idx: int = 0) -> None:
        """Keep what became of `get_conv_state`, which PyTorch's code changes in place."""
        self._linear_layer(layer_idx).conv_states[state_idx] = conv_state

    def update_conv_state(self, conv_states: Any, layer_idx: int, state_idx: int = 0, **kwargs: Any) -> Any:
        """See `LinearAttentionLayer.update_conv_state`."""
        return self._linear_layer(layer_idx).update_conv_state(conv_states, state_idx, **kwargs)

    def get_recurrent_state(self, layer_idx: int, state_idx: int = 0) -> Any:
        """The state of a recurrence; None before its first step."""
        layer = self._linear_layer(layer_idx)
        return layer.recurrent_states[state_idx] if layer.has_previous_state[state_idx] else None

    def keep_recurrent_state(self, recurrent_state: Any, layer_idx: int, state_idx: int = 0) -> None:
        """Keep what became of `get_recurrent_state`, which PyTorch's code changes in place."""
        self._linear_layer(layer_idx).recurrent_states[state_idx] = recurrent_state

    def update_recurrent_state(self, recurrent_states: Any, layer_idx: int, state_idx: int = 0, **kwargs: Any) -> Any:
        """Remember the state of a recurrence."""
        return self._linear_layer(layer_idx).update_recurrent_state(recurrent_states, state_idx, **kwargs)

    def has_previous_state(self, layer_idx: int | None = None, state_idx: int | None = None) -> bool:
        """Whether a linear layer, by default the last, has made a step."""
        if layer_idx is not None and layer_idx >= len(self.layers):
            return False
        if layer_idx is None:
            linear = [index for index, layer in enumerate(self.layers) if isinstance(layer, LinearAttentionLayer)]
            layer_idx = linear[-1] if linear else 0
        states = self._linear_layer(layer_idx).has_previous_state
        return all(states.values()) if state_idx is None else states[state_idx]

    def update_indexer(self, indexer_key_states: Any, layer_idx: int) -> Any:
        """See `IndexedLayer.update_indexer`."""
        return indexed(self.layers[layer_idx], layer_idx).update_indexer(indexer_key_states)

    def is_recording_past(self, layer_idx: int) -> bool:
        """Never: rolling back assisted decoding is not part of this cache."""
        return False

    def reset(self) -> None:
        """Forget everything."""
        for layer in self.layers:
            layer.reset()

    def reorder_cache(self, beam_idx: Any) -> None:
        """Take the batch items `beam_idx`, in this order."""
        for layer in self.layers:
            layer.reorder_cache(beam_idx)

    def batch_select_indices(self, indices: Any) -> None:
        """Keep only some items of the batch."""
        for layer in self.layers:
            layer.batch_select_indices(indices)

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat each item of the batch."""
        for layer in self.layers:
            layer.batch_repeat_interleave(repeats)

    def crop(self, tokens_to_remove: int) -> None:
        """Forget the last positions; their number is given as a negative one.

        Raises:
            WrongValue: a layer cannot.
        """
        for layer in self.layers:
            if not isinstance(layer, DynamicLayer):
                raise WrongValue(f"A {type(layer).__name__} cannot be cropped.")
            layer.crop(tokens_to_remove)

    @property
    def is_initialized(self) -> bool:
        """Whether every layer has been updated."""
        return bool(self.layers) and all(layer.is_initialized for layer in self.layers)

    @property
    def is_compileable(self) -> bool:
        """Whether a graph of one step serves all."""
        return bool(self.layers) and all(layer.is_compileable for layer in self.layers)

    @property
    def is_sliding(self) -> list[bool]:
        """Which layers have a sliding window."""
        return [layer.is_sliding for layer in self.layers]

    @property
    def is_linear(self) -> list[bool]:
        """Which layers have no attention but convolutions and recurrences."""
        return [type(layer) is LinearAttentionLayer for layer in self.layers]

    @property
    def is_dummy(self) -> list[bool]:
        """Which layers remember nothing."""
        return [isinstance(layer, DummyLayer) for layer in self.layers]


class DynamicCache(Cache):
    """Grows with every step.

    Args:
        data: keys and values of each layer, to begin with.
        config: the configuration, where layers have sliding windows or no attention.
    """

    def __init__(self, data: Iterable[tuple[Any, ...]] | None = None, config: Any = None, **kwargs: Any) -> None:
        layers = [] if config is None else _layers(config, _DYNAMIC, {})
        if layers:
            super().__init__(layers)
        else:
            super().__init__(layer_class_to_replicate=DynamicLayer)
        for index, (keys, values, *_) in enumerate(data or ()):
            self.update(keys, values, index)


class StaticCache(Cache):
    """Of fixed size, so that a graph of one step serves all.

    Args:
        config: the configuration.
        max_cache_len: how many positions fit.
    """

    def __init__(self, config: Any, max_cache_len: int, **kwargs: Any) -> None:
        super().__init__(_layers(config, _STATIC, {"max_cache_len": max_cache_len}))


def _layers(config: Any, classes: Mapping[str, type[CacheLayer]], options: dict[str, Any]) -> list[CacheLayer]:
    """One cache layer for each layer that a configuration describes.

    Raises:
        Unsupported: it names a kind of layer that has no counterpart here.
    """
    config = config.get_text_config(decoder=True)
    per_layer = _layer_configs(config)
    kinds = getattr(config, "layer_types", None) or [_kind(each) for each in per_layer]
    sharing = getattr(config, "kv_sharing_modes", None) or [None] * len(kinds)
    layers = []
    for named, mode, layer_config in zip(kinds, sharing, per_layer, strict=False):
        kind = "dummy" if mode == "reuse" or named in ("moe", "mlp") else named
        if kind not in classes:
            raise Unsupported(f"A cache for {kind!r} layers has no TensorFlow counterpart.")
        layers.append(classes[kind](**options, **_options(kind, layer_config)))
    return layers


def _layer_configs(config: Any) -> list[Any]:
    """The configuration of each layer; before transformers 5.14 all layers share one."""
    found = getattr(config, "per_layer_config", None)
    return [config] * config.num_hidden_layers if found is None else list(found)


def _kind(config: Any) -> str:
    if getattr(config, "sliding_window", None) is not None:
        return "sliding_attention"
    return "full_attention" if getattr(config, "attention_chunk_size", None) is None else "chunked_attention"


def _options(kind: str, config: Any) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if kind in ("sliding_attention", "hybrid_sliding"):
        options["sliding_window"] = config.sliding_window
    if kind == "chunked_attention":
        options["sliding_window"] = config.attention_chunk_size
    if kind in ("conv", "linear_attention", "hybrid", "hybrid_sliding"):
        options["number_of_states"] = getattr(config, "number_of_conv_states", 1)
    return options
