"""Layers made of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras

from porter.runtime.keras_internals import takes_training
from porter.runtime.layers.build_rest import build_the_rest


class Sequential(keras.layers.Layer):
    """`torch.nn.Sequential`: each member gets the result of the one before.

    PyTorch's name of a member is its index.

    Args:
        members: layers, or functions of one tensor.
        kwargs: Keras' own: name, dtype, trainable.
    """

    members_attribute = "members"

    def __init__(self, members: Iterable[Callable[..., Any]] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.members = list(members)

    def build(self, input_shape: Any = None) -> None:
        """Build the members that are not, each for what the one before gives.

        Without a shape those are built that know their own.
        """
        if input_shape is None:
            build_the_rest(self)
            return
        for member in self.members:
            if isinstance(member, keras.layers.Layer) and not member.built:
                member.build(input_shape)
            input_shape = _result_shape(member, input_shape)

    def call(self, inputs: Any, *args: Any, training: bool = False, **kwargs: Any) -> Any:
        """Call the members one after the other; further arguments go to the first."""
        for member in self.members:
            if takes_training(member):
                kwargs["training"] = training
            inputs, args, kwargs = member(inputs, *args, **kwargs), (), {}
        return inputs

    def __len__(self) -> int:
        return len(self.members)

    def __iter__(self) -> Iterator[Callable[..., Any]]:
        return iter(self.members)

    def __getitem__(self, index: Any) -> Any:
        return self.members[index]


def _result_shape(member: Callable[..., Any], input_shape: Any) -> Any:
    """What a member makes of this shape; it is computed without numbers."""
    given = keras.KerasTensor(input_shape)
    if isinstance(member, keras.layers.Layer):
        return member.compute_output_spec(given).shape
    return keras.layers.Lambda(member)(given).shape
