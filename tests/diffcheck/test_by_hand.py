"""Ports that share neither names nor levels with PyTorch."""

import numpy as np
import pytest

import diffcheck
from diffcheck import Options

SPLIT = "return tf.transpose(x, perm=(0, 2, 1, 3))"
SOFTMAX = "tf.nn.softmax(tf.matmul(q, k, transpose_b=True) + mask_bias, axis=-1)"
HALF = SOFTMAX.replace(
    "tf.matmul(q, k, transpose_b=True)", "tf.cast(tf.cast(q @ tf.transpose(k, (0, 1, 3, 2)), tf.float16), q.dtype)"
)
# Old text, new text, what the cause must say. The layer around is wrong: PyTorch's has no such attention of its own.
EDITS = {
    "left out in a helper": (SPLIT, "return x", "axis order; write return tf.transpose(x"),
    "wrong in a helper": (SPLIT, SPLIT.replace("2, 1", "1, 2"), "axis order"),
    "random in a helper": (SPLIT, f"return tf.nn.dropout({SPLIT[7:]}, 0.3)", "another random draw"),
    "left out": ("tf.transpose(tf.matmul(weights, v), perm=(0, 2, 1, 3))", "tf.matmul(weights, v)", "axis order"),
    "after another way of scaling": (SOFTMAX, HALF, "extra operation"),
    "branch left out": ("self.sa_layer_norm(sa_output + x)", "self.sa_layer_norm(x)", "sa_output"),
}  # fmt: skip


def examined(twins):
    return diffcheck.diff(twins.torch, twins.tf, twins.inputs, Options(layer_by_layer=True))


def test_every_parameter_and_most_modules_pair(old_twins):
    report = examined(old_twins)
    assert report.matches, report.sentences()
    pairs = {module.path: module.tf_path for module in report.modules}
    assert not [item for item in report.unpaired if item.path.endswith((".weight", ".bias"))]
    block = "distil.transformer.layer.1"
    assert pairs["encoder"] == "distil.transformer"
    assert pairs["encoder.layer.1"] == block
    assert pairs["encoder.layer.1.attention.self.key"] == f"{block}.attention.k_lin"
    assert pairs["encoder.layer.1.output.LayerNorm"] == f"{block}.output_layer_norm"


def test_the_wrong_block_and_statement_are_found(old_twins):
    old_twins.tf.distil.transformer.blocks[1].approximate = True
    report = examined(old_twins)
    origin = report.origin
    assert origin.path == "encoder.layer.1"
    # The pooler's activation is inside its dense layer here, and that is not a mistake, whatever else is wrong.
    assert [m.path for m in report.modules if m.verdict == "origin"] == ["encoder.layer.1"]
    assert "tf.nn.gelu" in origin.tf.text
    assert "GELU" in origin.cause


def test_a_swapped_weight_is_found_by_its_values(old_twins):
    attention = old_twins.tf.distil.transformer.blocks[2].attention
    key, value = attention.k_lin.get_weights(), attention.v_lin.get_weights()
    attention.k_lin.set_weights(value)
    attention.v_lin.set_weights(key)
    report = examined(old_twins)
    assert not report.matches
    assert report.origin.path == "encoder.layer.2"


@pytest.mark.parametrize("edit", EDITS)
def test_the_edited_line_is_named(old_mutant, edit):
    old, new, cause = EDITS[edit]
    twins = old_mutant(old, new)
    origin = examined(twins).origin
    wrong = 1 + twins.file.read_text().split(new)[0].count("\n")
    assert origin.path == "encoder.layer.0"
    assert origin.tf.line == wrong, origin
    assert cause in (origin.cause or ""), origin


def test_a_weight_of_a_layer_with_its_activation_inside(old_twins):
    old_twins.tf.distil.pool.kernel.assign(np.zeros((24, 24), np.float32))
    origin = examined(old_twins).origin
    assert origin.path == "pooler.dense"
    assert "pool.weight: other values: never loaded" in origin.cause


def test_a_layer_that_does_more_at_once_is_right_though_the_module_around_it_is_wrong(old_mutant):
    twins = old_mutant("self.pool(x[:, 0])", "self.pool(x[:, -1])")
    report = examined(twins)
    assert next(m for m in report.modules if m.path == "pooler.dense").verdict == "unpaired"
    assert "x[:, 0]" in report.origin.cause
