"""The base of what a model returns: a dataclass that is also an ordered dictionary of what is not None.

These classes stand in for `transformers.utils.ModelOutput`, which imports torch where it is installed and which Keras'
trees do not take apart. They pass through eager calls, `tf.function`, XLA, SavedModel and functional Keras models, and
may be an argument of a Keras layer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import optree


class TFModelOutput(OrderedDict[str, Any]):
    """Base of all outputs. A subclass is a `@dataclass` whose fields all default to None.

    `out.logits`, `out["logits"]` and `out[0]` (the first that is not None) read it; `out.to_tuple()` drops the names.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        optree.register_pytree_node(
            cls, _flatten, lambda keys, values: _rebuilt(cls, zip(keys, values, strict=True)), namespace="keras"
        )

    def __post_init__(self) -> None:
        """Take a mapping, or pairs of keys and values, as the first field: so `tf.function` makes outputs anew."""
        first = next(iter(self.__dataclass_fields__))  # type: ignore[attr-defined]
        pairs = _pairs(self.__dict__[first])
        if pairs is not None:
            OrderedDict.__delitem__(self, first)
            object.__setattr__(self, first, None)
            for key, value in pairs:
                self[key] = value

    def __getitem__(self, key: Any) -> Any:
        return OrderedDict.__getitem__(self, key) if isinstance(key, str) else self.to_tuple()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        OrderedDict.__setitem__(self, key, value)
        object.__setattr__(self, key, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if value is not None and name in getattr(self, "__dataclass_fields__", ()):
            OrderedDict.__setitem__(self, name, value)
        object.__setattr__(self, name, value)

    def __delitem__(self, key: Any) -> None:
        raise TypeError(f"A {type(self).__name__} cannot lose the key {key!r}.")

    def pop(self, *args: Any, **kwargs: Any) -> Any:
        """Refused: the attribute would stay."""
        raise TypeError(f"A {type(self).__name__} cannot lose keys.")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), tuple(self.items()))

    def to_tuple(self) -> tuple[Any, ...]:
        """The values that are not None, in order."""
        return tuple(self.values())


def _pairs(given: Any) -> list[tuple[str, Any]] | None:
    """The entries that something holds, if that is what it holds."""
    if isinstance(given, TFModelOutput) or not isinstance(given, Mapping | Iterator | list):
        return None
    entries = list(given.items()) if isinstance(given, Mapping) else list(given)
    are_pairs = all(isinstance(entry, tuple | list) and len(entry) == 2 for entry in entries)
    return entries if entries and are_pairs and all(isinstance(key, str) for key, _ in entries) else None


def _rebuilt(output_class: type[TFModelOutput], items: Iterable[tuple[str, Any]]) -> TFModelOutput:
    rebuilt = output_class()
    for key, value in items:
        rebuilt[key] = value
    return rebuilt


def _flatten(output: TFModelOutput) -> tuple[list[Any], tuple[str, ...], tuple[str, ...]]:
    keys = tuple(output.keys())
    return list(output.values()), keys, keys
