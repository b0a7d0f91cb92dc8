import keras
import pytest

from tests.runtime import modeling_tf_small_bert


@pytest.fixture(autouse=True, scope="module")
def keras_finds_this_port():
    """Keras keeps the class that was registered last under a name, and tests of commands load the same file again."""
    classes = {name: found for name, found in vars(modeling_tf_small_bert).items() if isinstance(found, type)}
    registered = {keras.saving.get_registered_name(found): found for found in classes.values()}
    keras.saving.get_custom_objects().update({name: found for name, found in registered.items() if ">" in name})
