"""Whole modules as people write them: each comes out proven, with nothing left."""

import json
from pathlib import Path

import pytest

from porter.port.chain import Options, run
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
