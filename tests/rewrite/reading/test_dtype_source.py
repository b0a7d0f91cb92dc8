"""A cast to the type of the model names the variable that has it; one to float32 stays where the code asked for it."""

from tests.rewrite.porting import port, tiny_subject


def test_the_type_is_that_of_the_variable_which_the_other_operand_comes_from(tmp_path):
    call = port(tiny_subject("half", ("HalfModel",), {}), tmp_path).text("TFHalfModel.call")
    assert "tf.reduce_sum(hidden_states, axis=1) / tf.cast(counts, hidden_states.dtype)" in call
    assert "tf.reduce_sum(scores, axis=1) / tf.cast(counts, tf.float32)" in call
    assert "fn_output_signature=hidden_states.dtype" in call
