"""A failure in one line, with the line of the generated file that led to it."""

import pytest

from porter.port.failure_text import where_it_failed


def test_a_failure_names_the_line_of_the_generated_file(tmp_path):
    file = tmp_path / "modeling_tf_x.py"
    code = compile("def call(x):\n    return x + 'text'\n", str(file), "exec")
    scope: dict[str, object] = {}
    exec(code, scope)
    with pytest.raises(TypeError) as caught:
        scope["call"](1)  # type: ignore[operator]
    assert where_it_failed(caught.value).startswith("modeling_tf_x.py:2: TypeError: unsupported operand")


def test_what_keras_wraps_around_a_failure_is_left_out():
    text = (
        "Exception encountered when calling TFX.call().\n\n\x1b[1mValueError: the shapes differ\x1b[0m\n\n"
        "Arguments received by TFX.call():\n  • x=tf.Tensor"
    )
    assert where_it_failed(ValueError(text)).startswith("ValueError: ValueError: the shapes differ")
    assert "Arguments" not in where_it_failed(ValueError(text))


def test_of_a_graph_the_place_and_the_sentence_are_kept_and_the_lines_on_the_way_are_not():
    text = (
        'in user code:\n\n    File "/x/verify.py", line 182, in None  *\n        lambda tensors: run_port(tensors)\n'
        '    File "/x/modeling_tf_x.py", line 20, in call\n        return self.layer(x)\n'
        '    File "/x/modeling_tf_x.py", line 5, in call\n        for i in range(length):\n\n'
        "    TypeError: Exception encountered when calling TFLayer.call().\n    \n"
        "    \x1b[1m'SymbolicTensor' object cannot be interpreted as an integer\x1b[0m\n    \n"
        "    Arguments received by TFLayer.call():\n      • x=tf.Tensor(shape=(None,), dtype=float32)\n"
    )
    expected = "modeling_tf_x.py:5: TypeError: 'SymbolicTensor' object cannot be interpreted as an integer"
    assert where_it_failed(TypeError(text)) == expected
