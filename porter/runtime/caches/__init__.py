"""Key and value caches with the methods of `transformers.cache_utils`, eager and across `tf.function`."""

from porter.runtime.caches.cache import Cache, DynamicCache, StaticCache
from porter.runtime.caches.cache_layers import (
    CacheLayer,
    DummyLayer,
    DynamicLayer,
    DynamicSlidingWindowLayer,
    StaticLayer,
)
from porter.runtime.caches.encoder_decoder import EncoderDecoderCache
from porter.runtime.caches.linear_layers import LinearAttentionLayer
from porter.runtime.caches.shared_states import KVSharingDict

__all__ = [
    "Cache",
    "CacheLayer",
    "DummyLayer",
    "DynamicCache",
    "DynamicLayer",
    "DynamicSlidingWindowLayer",
    "EncoderDecoderCache",
    "KVSharingDict",
    "LinearAttentionLayer",
    "StaticCache",
    "StaticLayer",
]
