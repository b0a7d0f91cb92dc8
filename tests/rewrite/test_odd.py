"""What modeling files also do: eager attention, checks, loops over rows, code that is known before it runs."""

import pytest
import tensorflow as tf

from porter.port.verify import verify


def test_the_port_computes_the_same(odd):
    (found,) = verify(odd.subject, odd.module())
    assert (found.eager.message, found.graph.message, found.ok) == ("", "", True)
    assert odd.messages("left") == []


def test_the_attention_interface_is_the_eager_function(odd):
    block = odd.text("TFOddBlock.call")
    assert "eager_attention_forward(self, hidden_states, hidden_states, hidden_states, scaling=0.5)" in block
    assert "interface" not in block
    assert "Callable" not in odd.draft.code


def test_devices_go(odd):
    assert "device" not in odd.draft.code
    assert "positions = positions_of(hidden_states)" in odd.text("TFOddBlock.call")
    assert odd.text("positions_of").startswith("def positions_of(hidden_states: tf.Tensor) -> tf.Tensor:")


def test_keywords_that_cannot_arrive_are_their_default(odd):
    block = odd.text("TFOddBlock.call")
    assert "scale = 2.0" in block
    assert "thrown_away" not in block
    assert "kwargs" not in block


def test_a_block_without_its_context_keeps_both_comments(odd):
    lines = [line.strip() for line in odd.text("TFOddBlock.call").splitlines()]
    at = lines.index("# not in the gradient")
    assert lines[at + 1 : at + 3] == ["# but in the sum", "positions = positions_of(hidden_states)"]


def test_both_branches_alike_are_no_branch(odd):
    assert "is_tensor" not in odd.draft.code
    assert "hidden_states = hidden_states\n" not in odd.draft.code


def test_an_elif_that_is_always_true_is_the_else(odd):
    model = odd.text("TFOddModel.call")
    assert "        else:\n            hidden_states = hidden_states * 0.5" in model
    assert "elif" not in model


def test_gradient_checkpointing_is_never_on(odd):
    model = odd.text("TFOddModel.call")
    assert "gradient_checkpointing" not in model
    assert "contiguous" not in model


def test_a_list_filled_from_the_rows_of_a_tensor_is_one_operation(odd):
    model = odd.text("TFOddModel.call")
    assert "lambda row: tf.reduce_sum(row, axis=0), hidden_states, fn_output_signature=hidden_states.dtype" in model
    assert "rows = []" not in model
    assert "hidden_states=(rows,)" in model


@pytest.mark.parametrize("name", ["eager", "graph with known sizes"])
def test_a_check_of_sizes_still_raises(odd, name):
    modeling = odd.module()
    model = modeling.TFOddModel.from_config(modeling.TinyConfig())
    call = tf.function(model) if name != "eager" else model
    with pytest.raises(ValueError, match="too long"):
        call(tf.zeros((1, 513), tf.int64))


def test_a_check_of_sizes_that_are_not_known_does_not_raise(odd):
    modeling = odd.module()
    model = modeling.TFOddModel.from_config(modeling.TinyConfig())
    signature = [tf.TensorSpec([None, None], tf.int64)]
    graph = tf.function(lambda ids: model(ids).last_hidden_state, input_signature=signature)
    assert graph(tf.zeros((1, 3), tf.int64)).shape == (1, 3, 8)
