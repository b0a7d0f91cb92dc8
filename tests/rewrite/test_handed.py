"""Constructors that hand weights over, replace layers of their bases, and ask other layers for their sizes."""

import pytest

from porter.port.verify import verify
from porter.runtime.model.names import aliases, named_variables
from porter.subject.torch_model import build_torch_model
from tests.rewrite.bodies import port_bodies
from tests.rewrite.porting import port, tiny_subject


@pytest.fixture(scope="module")
def handed(tmp_path_factory):
    return port(tiny_subject("handed", ("HandedModel",), {}), tmp_path_factory.mktemp("handed"))


def test_the_port_computes_the_same(handed):
    (found,) = verify(handed.subject, handed.module())
    assert (found.eager.message, found.graph.message, found.ok) == ("", "", True)
    assert handed.messages("left") == []


def test_every_weight_has_pytorchs_name(handed):
    modeling = handed.module()
    ported = modeling.TFHandedModel.from_config(modeling.TinyConfig())
    theirs = build_torch_model(handed.subject, handed.subject.cases[0], "HandedModel")
    others = {**ported.all_tied_weights_keys, **aliases(ported)}
    assert others["scale.weight"] == "square"
    assert others["head.decoder.weight"] == others["plain.weight"] == "embeddings.weight"
    shapes = {others.get(name, name): tuple(value.shape) for name, value in theirs.named_parameters()}
    assert {name: entry.torch_shape for name, entry in named_variables(ported).items()} == shapes


def test_a_layer_that_a_subclass_replaces_is_given_its_shape_where_it_is_made(handed):
    assert "self.proj = built(keras.layers.Dense(size), (None, None, size))" in handed.text("TFHandedBase.__init__")
    assert "self.proj = built(keras.layers.Dense(6), (None, None, size))" in handed.text("TFHandedOther.__init__")


def test_a_base_whose_constructor_is_left_out_is_not_built(handed):
    assert "keras.layers.Layer.__init__(self, **kwargs)" in handed.text("TFHandedShort.__init__")


def test_what_can_be_tied_can_borrow_whatever_function_made_it(handed):
    assert "head = built(TiedDense(words, use_bias=False), (None, None, size))" in handed.text("scores")
    assert "tie(self.decoder, weight)" in handed.text("TFHandedHead.__init__")


def test_a_weight_that_the_constructor_hands_over_is_made_there(handed):
    assert 'self.square = add_parameter(self, "square", ' in handed.text("TFHandedModel.__init__")
    assert 'self.weight = add_parameter(self, "weight", weight)' in handed.text("TFHandedScale.__init__")


def test_arguments_that_are_spread_reach_the_layer_when_it_is_made(handed):
    constructor = handed.text("TFHandedGrown.__init__")
    assert "(*sizes, **options)" in constructor
    assert "self.bent = HandedLinear" not in constructor and "TFHandedLinear(size)" in constructor
    assert "super().__init__(*args, **kwargs)" in handed.text("TFHandedLinear.__init__")


def test_a_layer_made_by_a_call_is_named(tmp_path):
    body = "if self.kept is None:\n    self.kept = nn.Linear(x.shape[-1], 8)\nreturn self.kept(x)"
    found = port_bodies("late", {"Late": body}, tmp_path).messages("left")
    assert [message.partition(";")[0] for message in found] == ["torch.nn.Linear is made when the model is called"]
