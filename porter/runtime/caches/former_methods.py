"""What models of transformers 4's years ask of a cache: tuples of keys and values, lengths that may still be used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, Self


class _Counting(Protocol):
    def get_seq_length(self, layer_idx: int = 0) -> Any: ...

    def get_max_length(self, layer_idx: int | None = None) -> int: ...


class FormerMethods:
    """Methods of `transformers.cache_utils` that transformers 5 has removed; remote code still calls them."""

    @classmethod
    def from_legacy_cache(cls, past_key_values: Iterable[tuple[Any, ...]] | None = None) -> Self:
        """A cache that holds the given keys and values of each layer.

        Args:
            past_key_values: one tuple for each layer; an empty cache is made without it.
        """
        made: Self = cls(past_key_values or ())  # type: ignore[call-arg]  # of the caches that can be made of tuples
        return made

    def to_legacy_cache(self) -> tuple[Any, ...]:
        """The keys and values of each layer as a tuple of tuples."""
        return tuple(iter(self))  # type: ignore[call-overload]  # every cache lists its layers

    def get_usable_length(self: _Counting, new_seq_length: Any, layer_idx: int = 0) -> Any:
        """How many positions that were seen stay when `new_seq_length` more come: all, where any number fits."""
        seen, most = self.get_seq_length(layer_idx), self.get_max_length()
        return seen if most < 0 else most - new_seq_length if seen + new_seq_length > most else seen

    def get_max_cache_shape(self: _Counting, layer_idx: int = 0) -> int | None:
        """How many positions fit; None for any number."""
        most = self.get_max_length()
        return None if most < 0 else most

    @property
    def seen_tokens(self: _Counting) -> Any:
        """How many positions the first layer has seen."""
        return self.get_seq_length()
