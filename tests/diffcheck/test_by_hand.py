"""Ports that share neither names nor levels with PyTorch."""

import diffcheck
from diffcheck import Options


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
    # The pooler's activation is inside its dense layer here, and that is no mistake, whatever else is wrong.
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
