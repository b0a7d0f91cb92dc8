"""Whole modules as people write them: each comes out proven, with nothing left."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from porter.port.chain import Options, run
from porter.port.load import import_file
from porter.subject.inputs.parse_input import parse_input
from porter.subject.plain_modules import Given

MODULES = Path(__file__).with_name("modules")
ENTRIES = json.loads((MODULES / "list.json").read_text())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry['class']} {entry['arguments']}")
@pytest.mark.filterwarnings("ignore:dropout option adds dropout")
def test_a_module_comes_out_proven(entry, tmp_path):
    given = Given(entry["arguments"], tuple(map(parse_input, entry["inputs"])))
    result = run(Options(str(MODULES / entry["file"]), tmp_path, (entry["class"],), given=given))
    assert [note for note in result.notes if note.level == "left"] == []
    assert [(found.eager.message, found.graph.message) for found in result.classes] == [("", "")]
    assert all(found.ok for found in result.classes)


def test_sizes_of_layers_are_pythons_own_numbers(tmp_path):
    entry = next(entry for entry in ENTRIES if entry["class"] == "Stages")
    given = Given(entry["arguments"], tuple(map(parse_input, entry["inputs"])))
    run(Options(str(MODULES / entry["file"]), tmp_path, ("Stages",), given=given, verify=False))
    code = (tmp_path / "modeling_tf_stages.py").read_text()
    assert "keras.layers.Dense(int(mlp_ratio * dim))" in code
    assert "as_int" not in code


def test_a_norm_is_told_the_size_that_a_graph_may_not_know(tmp_path):
    entry = next(entry for entry in ENTRIES if entry["class"] == "ShapedNorms")
    given = Given(entry["arguments"], tuple(map(parse_input, entry["inputs"])))
    run(Options(str(MODULES / entry["file"]), tmp_path, ("ShapedNorms",), given=given, verify=False))
    code = (tmp_path / "modeling_tf_shaped_norms.py").read_text()
    assert code.count("SizedLayerNormalization(") == 2
    assert "self.plain = keras.layers.LayerNormalization(epsilon=1e-05)" in code


def test_a_weight_that_is_not_trained_is_none_in_the_port(tmp_path):
    entry = next(entry for entry in ENTRIES if entry["file"] == "codebooks.py")
    given = Given(entry["arguments"], tuple(map(parse_input, entry["inputs"])))
    run(Options(str(MODULES / entry["file"]), tmp_path, (entry["class"],), given=given, verify=False))
    code = (tmp_path / "modeling_tf_codebooks.py").read_text()
    assert re.search(r'add_parameter\(\s*self, "project", .*, trainable=False\s*\)', code)


def test_methods_that_keras_would_call_or_never_calls_are_said(tmp_path):
    entry = next(entry for entry in ENTRIES if entry["class"] == "Accessors")
    given = Given(entry["arguments"], tuple(map(parse_input, entry["inputs"])))
    result = run(Options(str(MODULES / entry["file"]), tmp_path, ("Accessors",), given=given, verify=False))
    code = (tmp_path / "modeling_tf_accessors.py").read_text()
    assert "def build_(cls, *args, **kwargs):\n        return cls(*args, **kwargs)" in code
    assert "self.frozen = keras.layers.Dense(width)\n        self.frozen.trainable = False" in code
    assert "return self.linear.kernel.shape[0]" in code
    assert {(note.line, note.message) for note in result.notes} == {
        (59, "Scaled.train is not ported: it replaces a method of torch.nn.Module, which Keras does not have."),
        (98, "Accessors.build is called build_: Keras calls build itself."),
        (101, "Accessors.call is called call_: Keras calls call itself."),
    }


def test_a_table_that_is_changed_in_place_gives_weights_their_first_values(tmp_path):
    entry = next(entry for entry in ENTRIES if entry["class"] == "OffsetsAtStart")
    given = Given(entry["arguments"], tuple(map(parse_input, entry["inputs"])))
    run(Options(str(MODULES / entry["file"]), tmp_path, ("OffsetsAtStart",), given=given, verify=False))
    port = import_file(tmp_path / "modeling_tf_offsets_at_start.py").TFOffsetsAtStart()
    port(tf.zeros((1, 2, 8)))
    original = import_file(MODULES / entry["file"]).OffsetsAtStart()
    np.testing.assert_allclose(port.offsets.bias, original.offsets.bias.detach(), atol=1e-6)
    np.testing.assert_array_equal(port.offsets.kernel, 0.0)
