import keras
import pytest

from porter.runtime.layers.reserved import LAYER_NAMES, MODEL_NAMES, port_attribute, torch_attribute


@pytest.mark.parametrize("is_model", [False, True])
@pytest.mark.parametrize("name", [*sorted(MODEL_NAMES), "dense", "layer_", "layers_norm"])
def test_names_come_back(name, is_model):
    assert torch_attribute(port_attribute(name, is_model=is_model)) == name


def test_only_models_keep_layers_for_themselves():
    assert port_attribute("layers", is_model=True) == "layers_"
    assert port_attribute("layers", is_model=False) == "layers"


def test_the_table_is_true():
    layer = keras.layers.Layer()
    assert [name for name in LAYER_NAMES if not hasattr(type(layer), name) and name not in vars(layer)] == []


def test_what_no_layer_may_set_is_in_the_table():
    found = {name: getattr(keras.layers.Layer, name) for name in dir(keras.layers.Layer) if not name.startswith("_")}
    fixed = {name for name, value in found.items() if isinstance(value, property) and value.fset is None}
    assert fixed <= LAYER_NAMES
