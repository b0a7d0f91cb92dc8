import inspect
from collections import UserDict

import keras
import numpy as np
import pytest
import tensorflow as tf
from transformers import BertConfig

from porter.runtime import merge_with_config_defaults, unpack_inputs
from porter.runtime.caches import DynamicCache
from porter.runtime.outputs import TFBaseModelOutput
from tests.runtime import modeling_tf_small_bert as ported
from tests.runtime.small_bert import IDS, MASK, config


class Model:
    """Notes what its `call` is given."""

    def __init__(self, inner=None, **kwargs):
        self.config = BertConfig(**kwargs)
        self.inner = inner

    @unpack_inputs
    @merge_with_config_defaults
    def call(
        self,
        input_ids=None,
        mask=None,
        past_key_values=None,
        use_cache=None,
        output_attentions=None,
        return_dict=None,
        training=False,
    ):
        self.given = {key: value for key, value in locals().items() if key != "self"}
        if self.inner is not None:
            return self.inner.call(input_ids)
        return TFBaseModelOutput(last_hidden_state=tf.ones(()), attentions=(tf.ones(()),))


def given(*args, model=None, **kwargs):
    model = model or Model()
    model.call(*args, **kwargs)
    return model.given


@pytest.mark.parametrize("kind", [dict, UserDict])
def test_one_mapping_of_all_inputs(kind):
    found = given(kind({"mask": tf.ones((1,)), "input_ids": IDS}), training=True)
    np.testing.assert_array_equal(found["input_ids"], IDS)
    assert found["mask"].shape == (1,)
    assert found["training"] is True


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_of_inputs_in_order(kind):
    found = given(kind([IDS, tf.ones((1,))]), training=True)
    np.testing.assert_array_equal(found["input_ids"], IDS)
    assert found["mask"].shape == (1,)
    assert found["training"] is True


def test_switches_of_which_keras_2_has_made_tensors_are_switches():
    assert given({"input_ids": IDS, "output_attentions": tf.constant(True)})["output_attentions"] is True
    assert given([IDS, None, None, tf.constant(False)])["use_cache"] is False


def test_none_by_position_makes_room_for_a_keyword():
    found = given(IDS, None, None, mask=tf.ones((1,)))
    np.testing.assert_array_equal(found["input_ids"], IDS)
    assert found["mask"].shape == (1,)
    with pytest.raises(TypeError, match="multiple values"):
        given(IDS, tf.ones((1,)), mask=tf.ones((1,)))


def test_a_mapping_without_the_first_input():
    assert given({"mask": tf.ones((1,))})["input_ids"] is None


class TwoInputs(keras.Model):
    """Needs both."""

    config = BertConfig()

    @unpack_inputs
    def call(self, pixel_values, grid, return_dict=None):
        return pixel_values + grid


def test_one_mapping_may_hold_all_that_is_required():
    both = {"pixel_values": tf.ones((2,)), "grid": tf.ones((2,))}
    np.testing.assert_array_equal(TwoInputs()(both), [2.0, 2.0])
    np.testing.assert_array_equal(TwoInputs()(list(both.values())), [2.0, 2.0])
    with pytest.raises(TypeError, match="grid"):
        TwoInputs()({"pixel_values": tf.ones((2,))})


def test_a_model_inside_is_given_a_list_as_it_is():
    class Outer(keras.Model):
        config = BertConfig()
        inner = Model()

        @unpack_inputs
        def call(self, first, return_dict=None):
            self.inner.call([first, first + 1])
            return first

    Outer().call(tf.ones((1,)))
    assert [tensor.shape for tensor in Outer.inner.given["input_ids"]] == [(1,), (1,)]


def test_an_unknown_input_is_named():
    with pytest.raises(TypeError, match="Model takes no pixels"):
        given({"pixels": IDS})


@pytest.mark.parametrize("make", [lambda: IDS.astype("int32"), lambda: tf.constant(IDS, tf.int32), lambda: IDS])
def test_integers_are_int64(make):
    assert given(make())["input_ids"].dtype == tf.int64


def test_other_types_stay():
    assert given(tf.constant([True]))["input_ids"].dtype == tf.bool
    assert given(tf.constant([1.0]))["input_ids"].dtype == tf.float32


def test_switches_come_from_the_config():
    assert given(model=Model(output_attentions=True, use_cache=False))["output_attentions"] is True
    assert given(model=Model(output_attentions=True), output_attentions=False)["output_attentions"] is False
    assert given(model=Model())["use_cache"] is True
    assert given(model=Model(use_cache=False))["use_cache"] is False
    assert given(model=Model(), use_cache=False)["use_cache"] is False


def test_training_is_never_none():
    assert given(training=None)["training"] is False


def test_return_dict():
    assert isinstance(Model().call(), TFBaseModelOutput)
    assert isinstance(Model().call(return_dict=False), tuple)
    assert isinstance(Model(return_dict=False).call(), tuple)
    assert isinstance(Model(return_dict=False).call(return_dict=True), TFBaseModelOutput)
    assert given(return_dict=False)["return_dict"] is True


def test_the_configs_return_dict_counts_outside_only():
    outer = Model(inner=Model(return_dict=False))
    assert isinstance(outer.call(), TFBaseModelOutput)


def test_the_signature_stays():
    expected = ["self", "input_ids", "mask", "past_key_values", "use_cache", "output_attentions", "return_dict"]
    assert list(inspect.signature(Model.call).parameters) == [*expected, "training"]
    assert Model.call.__name__ == "call"


def test_a_cache_is_copied_in_a_graph_only():
    cache = DynamicCache()
    assert given(past_key_values=cache)["past_key_values"] is cache
    seen = []
    tf.function(lambda: seen.append(given(past_key_values=cache)["past_key_values"]))()
    assert seen[0] is not cache


def test_an_error_inside_leaves_no_depth_behind():
    class Failing(Model):
        @unpack_inputs
        def call(self, input_ids=None, return_dict=None):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Failing().call()
    assert isinstance(Model(return_dict=False).call(), tuple)


def test_a_keras_model_takes_all_these_forms():
    model = ported.TFBertModel.from_config(config(return_dict=False))
    inputs = {"input_ids": IDS, "attention_mask": MASK}
    expected = model(IDS, MASK)
    assert isinstance(expected, tuple)
    for found in (model(inputs), model(UserDict(inputs)), model(**inputs), model(IDS.astype("int32"), MASK)):
        np.testing.assert_allclose(found[0], expected[0], atol=1e-6)
    assert model(inputs, return_dict=True).last_hidden_state.shape == (2, 7, 32)
    assert len(model(inputs, output_hidden_states=True, output_attentions=True)) == 4
