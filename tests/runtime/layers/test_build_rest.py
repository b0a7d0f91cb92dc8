import keras

from porter.runtime import built
from porter.runtime.layers.build_rest import build_the_rest, build_with_the_rest


def test_what_only_the_constructor_knows_is_remembered():
    parent = keras.layers.Layer()
    parent.deep = [{"dense": built(keras.layers.Dense(2), (None, 3))}]
    parent.unknown = keras.layers.Dense(2)
    assert not parent.deep[0]["dense"].built
    build_the_rest(parent)
    assert parent.deep[0]["dense"].kernel.shape == (3, 2)
    assert not parent.unknown.built


def test_the_remembered_shape_counts_whoever_builds():
    layer = built(keras.layers.Dense(2), (None, 3))
    layer.build((None, 7))
    assert layer.kernel.shape == (3, 2)


class Composite(keras.layers.Layer):
    """It has no `build` of its own, its child has."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.embedding = keras.layers.Embedding(3, 2)

    def call(self, ids):
        return self.embedding(ids)


def test_a_layer_that_only_holds_others_is_built_with_them():
    layer = Composite(name="holder")
    build_with_the_rest(layer)
    layer.build()
    assert layer.built
    assert layer.embedding.embeddings.path.startswith("holder/embedding")
    before = layer.weights
    layer.build()
    assert all(now is then for now, then in zip(layer.weights, before, strict=True))
