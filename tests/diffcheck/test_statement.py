import pytest

import diffcheck
from diffcheck import Options

EDITS = {
    "scale": ("/ math.sqrt(self.size)", "/ math.sqrt(self.hidden)", "attention.self"),
    "transposed": ("transpose_b=True", "transpose_b=False", "attention.self"),
    "mask forgotten": ("scores = scores + attention_mask", "scores = scores + 0.0", "attention.self"),
    "softmax axis": ("tf.nn.softmax(scores, axis=-1)", "tf.nn.softmax(scores, axis=1)", "attention.self"),
    "merge": ("tf.matmul(probs, value), perm=[0, 2, 1, 3]", "tf.matmul(probs, value), perm=[0, 1, 2, 3]", "attention.self"),
    "gelu": ("approximate=self.approximate", "approximate=True", "intermediate"),
    "residual": ("self.LayerNorm(hidden_states + input_tensor)", "self.LayerNorm(hidden_states)", "attention.output"),
    "position": ("tf.range(tf.shape(input_ids)[1])[None]", "tf.range(1, tf.shape(input_ids)[1] + 1)[None]", "embeddings"),
    "slice": ("hidden_states[:, 0]", "hidden_states[:, -1]", "pooler"),
    "arguments": ("self.output_(context, hidden_states)", "self.output_(hidden_states, context)", "attention"),
    "epsilon": ("self.LayerNorm = keras.layers.LayerNormalization(epsilon=config.eps",
                "self.LayerNorm = keras.layers.LayerNormalization(epsilon=1e-3", "embeddings.LayerNorm"),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_the_edited_line_is_named(mutant, edit, tmp_path):
    old, new, module = EDITS[edit]
    twins = mutant(old, new)
    report = diffcheck.diff(twins.torch, twins.tf, twins.inputs, Options(layer_by_layer=True))
    wrong = 1 + (tmp_path / "tiny_tf.py").read_text().split(new)[0].count("\n")
    assert report.origin.path.removeprefix("encoder.layer.0.") == module
    assert report.origin.tf.line == wrong, report.sentences()
