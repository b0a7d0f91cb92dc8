"""Layers are called by where they are kept, whatever made them."""

from porter.port.verify import verify
from porter.runtime.model.names import named_variables
from porter.subject.torch_model import build_torch_model


def test_the_port_computes_the_same(made):
    (found,) = verify(made.subject, made.module())
    assert (found.eager.message, found.graph.message, found.ok) == ("", "", True)
    assert made.messages("left") == []


def test_every_weight_has_pytorchs_name(made):
    modeling = made.module()
    port = modeling.TFMadeModel.from_config(modeling.TinyConfig())
    torch_model = build_torch_model(made.subject, made.subject.cases[0], "MadeModel")
    tied = port.all_tied_weights_keys
    assert set(tied) == {"heads.first.weight", "heads.last.score.weight", "heads.last.score.bias"}
    shapes = {tied.get(name, name): tuple(value.shape) for name, value in torch_model.named_parameters()}
    assert {name: entry.torch_shape for name, entry in named_variables(port).items()} == shapes


def test_constructors_do_not_name_layers(made):
    constructor = made.text("TFMadeParts.__init__")
    assert "name=" not in constructor
    assert "for _ in range(2)" in constructor


def test_a_value_called_as_a_weight_is_no_weight(made):
    assert "self.biased = keras.layers.Dense(size, use_bias=self.bias)" in made.text("TFMadeParts.__init__")


def test_a_layer_that_may_be_handed_in_is_built_by_who_makes_it(made):
    assert "self.inner = built(keras.layers.Dense(size), (None, None, size))" in made.text("TFMadeShared")
    assert "def build(self" not in made.text("TFMadeShared")


def test_a_methods_second_name_and_one_of_keras(made):
    """`forward = encode` is `call = encode`; a class method `build` is called by its new name, on the class too."""
    assert "call = encode" in made.text("TFMadeShared")
    assert "TFMadeShared.build_(size, shared=shared)" in made.text("TFMadeParts.__init__")


def test_a_bias_may_be_missing(made):
    assert "if self.bias is None" in made.text("TFMadeUnbiased.call")


def test_build_names_no_field_that_a_configuration_may_lack(made):
    assert "self.perhaps = built(keras.layers.Dense(size), (None, None, config.missing_size))" in made.text(
        "TFMadeParts"
    )
    assert "self.perhaps" not in made.text("TFMadeParts.build")
