"""What few modeling files do: bases by name, lists of lists, a configuration that changes while layers are made."""

import tensorflow as tf

from porter.port.verify import verify


def test_the_port_computes_the_same(rare):
    (found,) = verify(rare.subject, rare.module())
    assert (found.eager.message, found.graph.message, found.ok) == ("", "", True)
    assert rare.messages("left") == []


def test_a_base_by_its_name_is_super(rare):
    norm = rare.text("TFRareNorm")
    assert "super().__init__(epsilon=eps, **kwargs)" in norm
    assert "return super().call(x)" in norm
    assert "return x + self.inner(x) if self.inner is not None else x" in rare.text("TFRareResidual.call")


def test_build_reads_neither_changed_parameters_nor_a_changed_configuration(rare):
    assert "def build" not in rare.text("TFRareWidth")
    assert rare.text("TFRareWidth.__init__").count("built(") == 2


def test_a_table_that_a_method_makes_longer_is_computed_anew(rare):
    assert "[1]\n        self.grow(length)\n        return self.table[:length]" in rare.text("TFRarePositions.call")
    positions = rare.module().TFRarePositions(rare.module().TinyConfig())
    assert positions(tf.zeros((1, 20, 8))).shape == (20, 8)


def test_functions_of_the_file_keep_their_names_beside_those_of_the_runtime(rare):
    assert "def flatten(x):" in rare.draft.code  # read under its mark alone
    assert "x = tf_fftn(x, axes=(axis,))" in rare.text("fftn")
    assert "tf.math.real(fftn(hidden_states))" in rare.text("TFRareModel.call")
    assert "from porter.runtime import fftn as tf_fftn" in rare.draft.code


def test_a_parameter_that_a_function_makes_becomes_a_weight_where_it_is_stored(rare):
    constructor = rare.text("TFRareLists.__init__")
    assert 'self.scale = add_parameter(self, "scale", self.make_scale(size))' in constructor
    assert "self.precision = tf.as_dtype(config.precision)" in constructor


def test_code_for_many_serves_one_as_well_where_the_graph_does_not_know(rare):
    assert "if possibly(shape_list(hidden_states)[1] > 1):" in rare.text("TFRareModel.call")
    said = "in a graph that does not know the size, `hidden_states.shape[1] > 1` is taken for granted."
    assert said in rare.messages("assumed")


def test_starred_arguments_are_spread_and_the_smaller_size_is_asked_of_the_runtime(rare):
    call = rare.text("TFRareModel.call")
    assert "layer_norm(arguments[0], " in call
    assert "least(shape_list(hidden_states)[1], 6)" in call


def test_a_loop_over_an_unknown_length_is_a_function_that_the_runtime_repeats(rare):
    scanned = rare.text("scanned")
    assert "    def step(i, state, total):\n        state = 0.5 * state + x[:, i]\n" in scanned
    assert "        return (state, total), (next_outputs,)\n\n    (state, total), (outputs,) = loop(step, (" in scanned
    assert "output = stacked(outputs, axis=1)" in scanned
    assert "_, (blocks,) = loop(step, (), (length + size - 1) // size)" in scanned
    assert "blocks = joined(blocks, axis=1)" in scanned


def test_other_loops_stay_loops(rare):
    assert "    for turn in range(size):\n        if turn > 0:\n" in rare.text("scanned")


def test_copies_of_layers_are_constructed_like_them(rare):
    constructor = rare.text("TFRareHeads.__init__")
    assert "deepcopy" not in constructor
    assert "self.scores = [" in constructor
    assert "self.residual.copies = [" in constructor


def test_what_a_constructor_does_with_weights(rare):
    constructor = rare.text("TFRareHeads.__init__")
    assert "self.data = size" in constructor
    assert ".weight.data" not in constructor
    assert "a weight's initial values are not ported: a checkpoint gives others." in rare.messages("assumed")
    assert "add_bias(self.mixed, tf.ones((size,)))" in constructor
    assert "self.residual.trainable = False" in constructor
    assert "self.last = self.last" not in constructor
    # That of `make_scale`; a bias has its place.
    assert sum("is not stored in an attribute" in message for message in rare.messages("assumed")) == 1


def test_a_shape_that_no_run_has_compared_is_compared_as_far_as_it_is_known(rare):
    assert "if training and not same_shape(shape_list(x), (shape_list(x)[0], 1, 1)):" in rare.text("TFRareHeads.call")


def test_unknown_sizes_are_taken_not_to_be_zero(rare):
    empty = "not all(map(possibly, shape_list(x))) or any(surely(size == 0) for size in shape_list(x))"
    assert f"if {empty}:" in rare.text("TFRareHeads.call")


def test_a_configuration_is_imported_from_where_it_is_written(rare):
    assert "from transformers.models.bert.configuration_bert import BertConfig" in rare.draft.code


def test_an_imported_activation_is_asked_for_by_its_name(rare):
    assert 'self.act = get_tf_activation("gelu_pytorch_tanh")' in rare.text("TFRareHeads.__init__")


def test_what_a_constructor_does_beside_making_layers(rare):
    constructor = rare.text("TFRareLists.__init__")
    assert 'remove_layer(self.blocks[0][1], "inner")' in constructor
    assert "self.fourier = lambda x: tf_fftn(x, axes=(1, 2))" in constructor
    assert "self.rates = [float(rate) for rate in rates]" in constructor
    assert "tf.math.real(self.fourier(x))" in rare.text("TFRareLists.call")


def test_keywords_kept_as_a_dictionary_reach_a_layer_as_far_as_it_takes_them(rare):
    assert "self.scale(hidden_states, **taken_by(self.scale, kwargs))" in rare.text("TFRareModel.call")
    module = rare.module()
    model = module.TFRareModel.from_config(module.TinyConfig())
    ids = tf.constant([[3, 4, 5]], tf.int64)
    assert model(ids, share=1.0, other=2).last_hidden_state.shape == (1, 3, 8)


def test_a_class_of_the_library_without_a_twin_is_the_one_it_inherits_from(rare):
    assert "class TFRareModel(TFPreTrainedModel):" in rare.draft.code
    assert any("PreTrainedAudioTokenizerBase" in message for message in rare.messages("assumed"))
