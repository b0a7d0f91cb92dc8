import pytest

import diffcheck
from diffcheck import Options

# Old text, new text, the module that it makes wrong, what the cause must say.
EDITS = {
    "scale": ("/ math.sqrt(self.size)", "/ math.sqrt(self.hidden)", "attention.self", "wrong size or scale"),
    "transposed": ("transpose_b=True", "transpose_b=False", "attention.self", "transpose_b=True"),
    "mask": ("scores = scores + attention_mask", "scores = scores + 0.0", "attention.self", "attention_mask"),
    "softmax axis": ("softmax(scores, axis=-1)", "softmax(scores, axis=1)", "attention.self", "axis or bound"),
    "merge": ("value), perm=[0, 2, 1, 3]", "value), perm=[0, 1, 2, 3]", "attention.self", "axis order"),
    "gelu": ("approximate=self.approximate", "approximate=True", "intermediate", "GELU"),
    "residual": (
        "self.LayerNorm(hidden_states + input_tensor)", "self.LayerNorm(hidden_states)",
        "attention.output", "residual",
    ),
    "position": ("tf.range(tf.shape(input_ids)[1]", "tf.range(1, tf.shape(input_ids)[1] + 1", "embeddings", "offset"),
    "slice": ("hidden_states[:, 0]", "hidden_states[:, -1]", "pooler", "axis or bound"),
    "arguments": ("(context, hidden_states)", "(hidden_states, context)", "attention", "argument order"),
    "epsilon": (
        "self.LayerNorm = keras.layers.LayerNormalization(epsilon=config.eps",
        "self.LayerNorm = keras.layers.LayerNormalization(epsilon=1e-3", "embeddings.LayerNorm", "epsilon=1e-12",
    ),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_the_edited_line_is_named(mutant, edit, tmp_path):
    old, new, module, cause = EDITS[edit]
    twins = mutant(old, new)
    report = diffcheck.diff(twins.torch, twins.tf, twins.inputs, Options(layer_by_layer=True))
    wrong = 1 + (tmp_path / "tiny_tf.py").read_text().split(new)[0].count("\n")
    assert report.origin.path.removeprefix("encoder.layer.0.") == module
    assert report.origin.tf.line == wrong, report.sentences()
    assert cause in (report.origin.cause or ""), report.sentences()
