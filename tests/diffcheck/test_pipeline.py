import json
import subprocess
import sys

import numpy as np
import pytest

import diffcheck
from diffcheck import Options, compare
from diffcheck.judge.diagnose import Alone, judged
from diffcheck.record.recording import Crash, ModuleCall
from diffcheck.record.values import Flattened, flatten
from diffcheck.show.report import ModuleResult


def verdicts(report):
    return {module.path: module.verdict for module in report.modules}


def examined(twins, **options):
    return diffcheck.diff(twins.torch, twins.tf, twins.inputs, Options(layer_by_layer=True, **options))


def test_importing_loads_no_framework():
    code = "import sys, diffcheck; print([m for m in ('torch', 'tensorflow', 'keras', 'porter') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_says_of_itself_that_it_is_a_list_is_walked_as_one():
    class Pieces:
        def to_list(self):
            return [np.zeros(2), np.ones(3)]

    found = flatten({"pooled": Pieces()})
    assert {path: value.array.shape for path, value in found.tensors.items()} == {"pooled.0": (2,), "pooled.1": (3,)}


def test_a_true_port_is_clean_everywhere(twins):
    report = examined(twins)
    assert report.matches, report.sentences()
    assert set(verdicts(report).values()) <= {"clean", "unpaired"}
    assert all(module.alone is not None for module in report.modules if module.verdict == "clean")
    diffcheck.assert_matches(twins.torch, twins.tf, twins.inputs)


def test_a_wrong_activation_is_the_origin_and_later_layers_only_carry_it(twins):
    twins.tf.tiny.encoder.layer[1].intermediate.approximate = True
    report = examined(twins)
    found = verdicts(report)
    assert not report.matches
    assert report.origin.path == "encoder.layer.1.intermediate"
    assert [path for path, verdict in found.items() if verdict == "origin"] == [report.origin.path]
    assert found["encoder.layer.0"] == "clean"
    assert found["encoder.layer.1"] == found["encoder.layer.2"] == "carries"
    origin = next(module for module in report.modules if module.verdict == "origin")
    assert origin.float64.is_bug
    assert report.origin.tf.file.endswith("tiny_tf.py")


def test_a_failed_assertion_names_the_culprit(mutant):
    twins = mutant("/ math.sqrt(self.size)", "/ math.sqrt(self.hidden)")
    with pytest.raises(AssertionError, match=r"encoder\.layer\.0\.attention\.self differs by itself"):
        diffcheck.assert_matches(twins.torch, twins.tf, twins.inputs)


def test_a_norm_repairs_the_output_but_the_bug_is_still_found(twins):
    # Layer normalisation forgets a factor: the outputs hardly show the wrong epsilon, the module does.
    twins.tf.tiny.encoder.layer[0].output_.LayerNorm.epsilon = 2e-5
    report = examined(twins)
    assert report.origin.path == "encoder.layer.0.output.LayerNorm"
    assert not report.matches


def test_a_wrong_argument_is_the_callers_fault(mutant):
    twins = mutant("self.self(hidden_states, attention_mask=attention_mask)", "self.self(hidden_states)")
    assert examined(twins).origin.path == "encoder.layer.0.attention"


def test_wrong_weights_are_reported_before_activations(twins):
    kernel = twins.tf.tiny.encoder.layer[0].attention.self.key.kernel
    kernel.assign(np.transpose(kernel.numpy()) * 1.01)
    report = examined(twins)
    assert [weight.name for weight in report.weights] == ["encoder.layer.0.attention.self.key.weight"]
    assert report.origin.path == "encoder.layer.0.attention.self.key"
    assert report.sentences()[0].startswith("weight encoder.layer.0.attention.self.key.weight differs")


def test_a_model_that_stops_half_way_still_gives_a_report(twins):
    def broken(hidden_states):
        raise ValueError("no such axis")

    twins.tf.tiny.encoder.layer[1].intermediate.call = broken
    report = examined(twins)
    assert report.crash.file == __file__
    assert not report.matches
    assert report.crash.message.startswith("ValueError: no such axis")
    assert report.crash.module == "tiny.encoder.layer.1.intermediate"
    assert verdicts(report)["encoder.layer.0"] == "clean"


def test_nan_is_never_averaged_away(twins):
    bias = twins.tf.tiny.pooler.dense.bias
    bias.assign(np.full(bias.shape, np.nan, np.float32))
    report = examined(twins)
    assert report.outputs.failures[0].failures == ("nan",)
    assert next(m for m in report.to_json()["modules"] if m["path"] == "pooler.dense")["nonfinite"]


def test_both_models_are_left_as_they_were(twins):
    twins.tf.tiny.encoder.layer[1].intermediate.approximate = True
    state = {name: value.clone() for name, value in twins.torch.state_dict().items()}
    twins.torch.train()
    examined(twins)
    assert twins.torch.training
    assert all(value.dtype == state[name].dtype and value.equal(state[name])
               for name, value in twins.torch.state_dict().items())  # fmt: skip
    assert {str(weight.dtype) for weight in twins.tf.weights} == {"float32"}
    assert {layer.dtype_policy.name for layer in twins.tf._flatten_layers()} == {"float32"}
    assert not any("call" in vars(layer) for layer in twins.tf._flatten_layers())


def test_json_has_the_schema_and_is_the_same_each_time(twins):
    twins.tf.tiny.encoder.layer[1].intermediate.approximate = True
    first, second = (json.dumps(examined(twins).to_json()) for _ in range(2))
    assert first == second
    report = json.loads(first)
    assert report["schema"] == 1
    assert set(report["origin"]) == {"path", "tf_file", "tf_line", "torch_file", "torch_line", "cause", "values"}
    assert {"path", "in_flow", "alone", "verdict", "amplification", "float64", "shape", "nonfinite"} <= set(
        report["modules"][0]
    )


def test_swapped_optional_arguments_are_the_callers_fault(mutant):
    twins = mutant("self.attention(hidden_states, attention_mask)", "self.attention(attention_mask, hidden_states)")
    assert examined(twins).origin.path == "encoder.layer.0"


def test_an_interrupt_leaves_what_is_known(twins, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("diffcheck.pipeline.examine", interrupted)
    twins.tf.tiny.encoder.layer[1].intermediate.approximate = True
    report = diffcheck.diff(twins.torch, twins.tf, twins.inputs)
    assert report.origin.path == "encoder.layer.1.intermediate"
    assert any(line.startswith("interrupted") for line in report.sentences())


def test_an_interrupt_inside_the_model_leaves_the_modules_until_then(twins, monkeypatch):
    def interrupted(*arguments, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(twins.tf.tiny.encoder.layer[1].attention, "call", interrupted)
    report = diffcheck.diff(twins.torch, twins.tf, twins.inputs)
    assert report.interrupted
    assert not report.matches
    found = verdicts(report)
    assert (found["encoder.layer.0"], found["encoder.layer.1"], found["pooler"]) == ("clean", "unpaired", "unpaired")


def test_outputs_of_other_names_are_named(mutant):
    twins = mutant('{"last_hidden_state": hidden_states,', '{"hidden": hidden_states,')
    report = diffcheck.diff(twins.torch, twins.tf, twins.inputs)
    failures = {tensor.path: tensor.failures for tensor in report.outputs.failures}
    assert failures == {"last_hidden_state": ("missing",), "hidden": ("unexpected",)}
    assert report.origin.path == ""


def test_the_whole_model_in_float64_tells_rounding_from_a_bug(twins):
    report = diffcheck.diff(twins.torch, twins.tf, twins.inputs, Options(float64=True))
    assert report.matches
    assert report.float64.double < 1e-8 < report.float64.single
    assert "rounding, no bug" in "\n".join(report.sentences())
    twins.tf.tiny.encoder.layer[1].intermediate.approximate = True
    report = diffcheck.diff(twins.torch, twins.tf, twins.inputs, Options(float64=True))
    assert report.to_json()["float64"]["is_bug"]
    assert report.float64.double == pytest.approx(report.float64.single, rel=0.5)


def test_a_bug_within_the_tolerance_is_a_bug_in_float64(twins):
    twins.tf.tiny.encoder.layer[1].intermediate.approximate = True
    report = diffcheck.diff(twins.torch, twins.tf, twins.inputs, Options(tolerance=0.1, float64=True))
    assert report.outputs.matches
    assert not report.matches
    assert report.origin.path == "encoder.layer.1.intermediate"


def test_calls_that_only_infer_shapes_are_no_calls():
    import keras
    import tensorflow as tf

    from diffcheck.record import tf_side

    class Halving(keras.layers.Layer):
        def call(self, hidden_states):
            return hidden_states[:, ::2]

    class Inferring(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.halving = Halving(name="halving")

        def build(self, input_shape):
            self.width = self.halving.compute_output_spec(keras.KerasTensor(input_shape)).shape[-1]

        def call(self, hidden_states):
            return self.halving(hidden_states) * self.width

    recording = tf_side.record(Inferring(), {"hidden_states": tf.ones((2, 4)).numpy()})
    assert recording.crash is None
    assert [call.path for call in recording.calls].count("halving") == 1


def test_a_result_of_another_shape_at_which_the_layer_around_stops():
    torch = pytest.importorskip("torch")
    import keras
    import tensorflow as tf

    class Port(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv = keras.layers.Conv2D(3, 3, padding="valid", name="conv")
            self.conv.build((None, 8, 8, 3))

        def call(self, x):
            x = tf.transpose(x, [0, 2, 3, 1])
            return tf.transpose(x + self.conv(x), [0, 3, 1, 2])

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x):
            return x + self.conv(x)

    module, port = Model(), Port()
    port.conv.set_weights(
        [module.conv.weight.detach().numpy().transpose(2, 3, 1, 0), module.conv.bias.detach().numpy()]
    )
    inputs = {"x": np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32)}
    origin = diffcheck.diff(module, port, inputs, Options(layer_by_layer=True)).origin
    assert origin.path == "conv"
    assert origin.cause.startswith("padding: padding='same'")


def test_a_layer_that_stops_alone_but_is_right_in_flow_is_no_mistake():
    call = ModuleCall("block", "Block", 0, 0, {}, Flattened({}))
    stopped = {"block": [Alone(call, None, "alone it stopped", Crash("ValueError"))]}
    right, wrong = (compare({"x": np.ones(3)}, {"x": np.full(3, value)}) for value in (1.0, 2.0))
    for in_flow, verdict in ((right, "clean"), (wrong, "origin")):
        results = {"block": ModuleResult("block", "block", "Block", "clean", in_flow=in_flow)}
        assert [module.verdict for module in judged(results, stopped, lambda _: {})] == [verdict]


def test_results_handed_out_in_another_layout_are_the_models_own_mistake():
    import keras
    import tensorflow as tf
    import torch

    class Port(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv = keras.layers.Conv2D(4, 3, padding="same", name="conv")
            self.conv.build((None, None, None, 3))

        def call(self, x):
            return self.conv(tf.transpose(x, [0, 2, 3, 1]))

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 4, 3, padding=1)

        def forward(self, x):
            return self.conv(x)

    module, port = Model(), Port()
    port.conv.set_weights(
        [module.conv.weight.detach().numpy().transpose(2, 3, 1, 0), module.conv.bias.detach().numpy()]
    )
    inputs = {"x": np.random.default_rng(0).normal(size=(1, 3, 8, 6)).astype(np.float32)}
    report = diffcheck.diff(module, port, inputs, Options())
    assert not report.matches
    assert (report.origin.path, verdicts(report)) == ("", {"": "origin", "conv": "clean"})
    assert report.origin.tf.line
