"""Names of layers and variables, as transformers 4 pairs them with PyTorch's when it loads a checkpoint."""

from __future__ import annotations

import functools
from typing import Any

import keras
import tensorflow as tf

from porter.carried.keras_2_internals import rename
from porter.runtime.keras_internals import own_name, set_layer_name, set_untracked, variables_of
from porter.runtime.layers.places import named_children


def name_layers(root: keras.layers.Layer) -> None:
    """Let every layer below `root` be called as its parent keeps it, and each variable by the way to its layer.

    A member of a list is `layer_._0`, which transformers reads as `layer.0`. It is for a model that is complete and
    not built; whoever builds a layer then, its variables have these names.
    """
    scopes = {id(root): root.name}
    _name_variables(root, root.name)
    waiting = [root]
    while waiting:
        parent = waiting.pop(0)
        for place, child in named_children(parent):
            if id(child) not in scopes:
                name = place.replace(".", "_._")
                set_layer_name(child, name)
                scopes[id(child)] = f"{scopes[id(parent)]}/{name}"
                _name_variables(child, scopes[id(child)])
                waiting.append(child)


def _name_variables(layer: keras.layers.Layer, scope: str) -> None:
    for variable in variables_of(layer):  # that its constructor made
        rename(variable, f"{scope}/{own_name(variable)}")
    build = layer.build

    @functools.wraps(build)
    def build_in_scope(input_shape: Any = None) -> None:
        if not layer.built:
            with tf.name_scope(f"{scope}/"):  # with the slash it does not matter what calls it
                build(input_shape)
            layer.built = True

    set_untracked(layer, "build", build_in_scope)


def is_main_layer(layer: keras.layers.Layer) -> bool:
    """Whether the layer's class is decorated with transformers' `keras_serializable`."""
    return bool(getattr(type(layer), "_keras_serializable", False))
