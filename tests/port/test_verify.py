"""What verification makes of a class: the worse side counts, and a failure names the generated line."""

import numpy as np
import pytest

from porter.port.verify import LOADING, ClassResult, Side, accepted, run_port, where_it_failed

NOTHING = dict.fromkeys(LOADING, ())
GOOD, WORSE, BROKEN = Side(True, 1e-7), Side(True, 1e-6), Side(False, None, "ValueError: no")


@pytest.mark.parametrize(
    ("one", "other", "worse"),
    [(GOOD, WORSE, WORSE), (WORSE, GOOD, WORSE), (GOOD, BROKEN, BROKEN), (BROKEN, GOOD, BROKEN),
     (Side(False, 0.5), BROKEN, BROKEN), (Side(False, 0.5), WORSE, Side(False, 0.5))],
)  # fmt: skip
def test_the_worse_side_counts(one, other, worse):
    assert one.worse(other) == worse


def test_a_class_is_as_good_as_its_worst_case():
    first = ClassResult("A", GOOD, WORSE, NOTHING, noise=None)
    second = ClassResult("A", WORSE, GOOD, {**NOTHING, "missing": ("a.weight",)}, noise=2e-7, comparable=False)
    merged = first.merge(second)
    assert (merged.eager, merged.graph) == (WORSE, WORSE)
    assert merged.weights["missing"] == ("a.weight",)
    assert (merged.noise, merged.comparable) == (2e-7, False)
    assert first.ok
    assert not merged.ok


@pytest.mark.parametrize("kind", LOADING)
def test_a_tensor_without_its_place_is_no_match(kind):
    assert not ClassResult("A", GOOD, GOOD, {**NOTHING, kind: ("a.weight",)}).ok


def test_the_report_has_every_field():
    data = ClassResult("A", GOOD, BROKEN, NOTHING).to_json()
    assert data == {
        "name": "A",
        "eager": {"ok": True, "max_abs": 1e-7, "message": ""},
        "graph": {"ok": False, "max_abs": None, "message": "ValueError: no"},
        "weights": {"missing": [], "unexpected": [], "mismatched": []},
        "noise": None,
        "comparable": True,
    }


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


class Port:
    """What a call got."""

    def call(self, arrays, use_cache=None, output_hidden_states=None):
        return sorted(arrays), {"use_cache": use_cache, "output_hidden_states": output_hidden_states}

    __call__ = call


def test_arrays_go_in_a_mapping_and_plain_values_by_keyword():
    inputs = {"input_ids": np.zeros((1, 2)), "use_cache": False}
    plain = {"use_cache": False, "output_hidden_states": None}
    assert run_port(Port(), inputs, recorded=False) == (["input_ids"], plain)
    assert run_port(Port(), inputs, recorded=True)[1] == {**plain, "output_hidden_states": True}


def test_only_what_forward_takes_is_given():
    class Model:
        def forward(self, input_ids):
            return input_ids

    assert list(accepted(Model(), {"input_ids": np.zeros(1), "pixel_values": np.zeros(1)})) == ["input_ids"]
