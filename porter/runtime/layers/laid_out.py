"""Layers of Keras whose weights the table of layouts does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import keras

from porter.runtime.keras_internals import set_untracked
from porter.runtime.stored.layouts import OWN_LAYOUTS, Layout

AnyLayer = TypeVar("AnyLayer", bound=keras.Layer)


def laid_out(layer: AnyLayer, layouts: Mapping[str, str]) -> AnyLayer:
    """Remember how PyTorch's weights lie in the variables of a layer; return the layer.

    Args:
        layer: a layer of Keras.
        layouts: PyTorch's parameters with the variable and the axes of each, such as
            `{"weight": "kernel: o i -> i o", "bias": "bias"}`.

    Raises:
        WrongValue: a layout does not name the same axes on both sides.
    """
    set_untracked(layer, OWN_LAYOUTS, {name: Layout.parse(text) for name, text in layouts.items()})
    return layer
