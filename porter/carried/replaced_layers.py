"""Another layer in the place of one that a model of Keras 2 has."""

from __future__ import annotations

import keras

from porter.carried.keras_2_internals import rename
from porter.runtime.keras_internals import every_layer, own_name, set_layer_name, variables_of


def replace_layer(root: keras.layers.Layer, former: keras.layers.Layer, layer: keras.layers.Layer) -> None:
    """Put a layer wherever a complete model keeps another one; its variables are called as that one's.

    Args:
        root: the model.
        former: a layer below it.
        layer: what takes its place.
    """
    set_layer_name(layer, former.name)
    if not layer.built:
        layer.build(None)
    names = {own_name(variable): variable.name.partition(":")[0] for variable in variables_of(former)}
    for variable in variables_of(layer):
        rename(variable, names.get(own_name(variable), own_name(variable)))
    for parent in every_layer(root):
        for attribute, value in [item for item in vars(parent).items() if not item[0].startswith("_")]:
            if value is former:
                setattr(parent, attribute, layer)
            elif isinstance(value, list) and any(each is former for each in value):
                value[next(place for place, each in enumerate(value) if each is former)] = layer
