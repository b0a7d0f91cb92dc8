"""Layers made of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import keras

from porter.runtime.keras_internals import takes_training
from porter.runtime.layers.build_rest import build_the_rest
from porter.runtime.layers.reserved import port_attribute, torch_attribute


class _Container(keras.layers.Layer):
    """What holds layers by number in `members`, and by name as attributes, in the order in which they came."""

    members_attribute = "members"

    def __init__(self, members: Iterable[Any] | Mapping[str, Any] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        named = members if isinstance(members, Mapping) else {}
        self.members = [] if named else list(members)
        self.functions: dict[str, Callable[..., Any]] = {}
        for name, member in named.items():
            self._keep(name, member)

    def _keep(self, name: str, member: Any) -> None:
        attribute = port_attribute(name, is_model=False)
        if not isinstance(member, keras.layers.Layer):
            self.functions[attribute] = member
        setattr(self, attribute, member)

    def _named(self) -> dict[str, Any]:
        """The members by PyTorch's names."""
        found = {str(index): member for index, member in enumerate(self.members)}
        for attribute, value in vars(self).items():
            is_own = isinstance(value, keras.layers.Layer) or attribute in self.functions
            if is_own and not attribute.startswith("_"):
                found[torch_attribute(attribute)] = value
        return found

    def append(self, member: Any) -> Any:
        """Put a member behind the others."""
        if len(self._named()) == len(self.members):
            self.members.append(member)
        else:
            self._keep(str(len(self)), member)
        return self

    def extend(self, members: Iterable[Any]) -> Any:
        """Put members behind the others."""
        for member in members:
            self.append(member)
        return self

    def insert(self, index: int, member: Any) -> Any:
        """Put a member between the others, which have numbers for names."""
        self.members.insert(index, member)
        return self

    def __len__(self) -> int:
        return len(self._named())

    def __iter__(self) -> Iterator[Any]:
        return iter(self._named().values())

    def __getitem__(self, index: Any) -> Any:
        return list(self)[index]


class LayerList(_Container):
    """`torch.nn.ModuleList` as a base class; elsewhere a list serves.

    Args:
        members: the layers.
        kwargs: Keras' own: name, dtype, trainable.
    """


class LayerDict(_Container):
    """`torch.nn.ModuleDict` as a base class; elsewhere a dictionary serves.

    Args:
        members: the layers by name.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def keys(self) -> Iterable[str]:
        """PyTorch's names of the members."""
        return self._named().keys()

    def values(self) -> Iterable[Any]:
        """The members."""
        return self._named().values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Both."""
        return self._named().items()

    def update(self, members: Mapping[str, Any]) -> None:
        """Add members by name."""
        for name, member in members.items():
            self._keep(name, member)

    def __iter__(self) -> Iterator[str]:
        return iter(self._named())

    def __contains__(self, name: str) -> bool:
        return name in self._named()

    def __getitem__(self, name: str) -> Any:
        return self._named()[name]

    def __setitem__(self, name: str, member: Any) -> None:
        self._keep(name, member)


class Sequential(_Container):
    """`torch.nn.Sequential`: each member gets the result of the one before.

    PyTorch's name of a member is its index, or its own where it was given with one.

    Args:
        members: layers, or functions of one tensor; in a mapping by name.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __getitem__(self, index: Any) -> Any:
        """A member by its place, or another `Sequential` of those that a slice names."""
        return Sequential(dict(list(self._named().items())[index])) if isinstance(index, slice) else list(self)[index]

    def build(self, input_shape: Any = None) -> None:
        """Build the members that are not, each for what the one before gives.

        Without a shape those are built that know their own.
        """
        if input_shape is None:
            build_the_rest(self)
            return
        for member in self:
            if isinstance(member, keras.layers.Layer) and not member.built:
                member.build(input_shape)
            input_shape = result_shape(member, input_shape)

    def call(self, inputs: Any, *args: Any, training: bool = False, **kwargs: Any) -> Any:
        """Call the members one after the other; further arguments go to the first."""
        for member in self:
            if takes_training(member):
                kwargs["training"] = training
            inputs, args, kwargs = member(inputs, *args, **kwargs), (), {}
        return inputs


def result_shape(member: Callable[..., Any], input_shape: Any) -> Any:
    """What a member makes of this shape; it is computed without numbers."""
    given = keras.KerasTensor(input_shape)
    if isinstance(member, keras.layers.Layer):
        return member.compute_output_spec(given).shape
    return keras.layers.Lambda(member)(given).shape
