"""Models of other files inside a model: their ports come beside, and the whole computes what PyTorch does."""

from dataclasses import replace
from pathlib import Path

import pytest

from porter.base.errors import UsageError
from porter.port.load import import_file
from porter.port.port import port
from porter.port.verify import verify
from porter.rewrite import Note
from porter.subject import Case, InputSpec, ModelCase, Subject
from porter.trace import trace
from tests.rewrite.fixtures import modeling_holder

TEXT = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
BERT = "transformers.models.bert.modeling_bert.BertModel"


def _subject() -> Subject:
    package = "tests.rewrite.fixtures"
    file = Path(str(modeling_holder.__file__))
    ids = InputSpec("input_ids", (2, 5), "int64", {"kind": "randint", "low": 1, "high": 40})
    mask = InputSpec("attention_mask", (2, 5), "int64", {"kind": "ones"})
    models = (ModelCase("HolderModel"),)
    case = Case(
        "holder", f"{package}.configuration_holder", "HolderConfig", {"text_config": TEXT}, (ids, mask), models
    )
    return Subject("holder", file, file.read_text(encoding="utf-8"), f"{package}.modeling_holder", (case,), {})


@pytest.fixture(scope="module")
def facts():
    return trace(_subject())


@pytest.fixture(scope="module")
def ported(tmp_path_factory):
    return port(_subject(), tmp_path_factory.mktemp("holder"))


def test_the_runs_show_what_is_inside_and_how_it_is_called(facts):
    assert {model.name for model in facts.nested} == {BERT}
    assert facts.nested[0].config["hidden_size"] == 16
    assert [spec.name for spec in facts.nested[0].inputs] == ["input_ids", "attention_mask"]


def test_facts_with_nested_models_survive_json(facts):
    assert type(facts).from_json(facts.to_json()).nested == facts.nested


def test_the_family_inside_has_a_file_of_its_own(ported):
    (inside,) = ported.parts
    assert [path.name for path in inside.written] == ["modeling_tf_bert.py", "test_modeling_tf_bert.py"]
    assert all(path.parent == ported.file.parent and path.exists() for path in ported.all_written)
    assert "porter scaffold bert proves the rest of that file" in {note.hint for note in ported.notes}


def test_the_notes_of_the_family_inside_are_kept(ported):
    (inside,) = ported.parts
    noted = replace(inside, notes=(Note(7, "left", "something is left.", "", "modeling_bert.py"),))
    assert replace(ported, parts=(noted,)).all_notes == (*ported.notes, *noted.notes)


def test_the_holder_makes_them_as_pytorch_does(ported):
    code = ported.draft.code
    assert "self.chosen = TFAutoModel.from_config(config.text_config, beside=__file__" in code
    assert "self.named = TFBertMainLayer(config.text_config, add_pooling_layer=False" in code
    assert 'TFBertMainLayer = import_beside(__file__, "modeling_tf_bert").TFBertMainLayer' in code


def test_the_whole_matches(ported):
    (result,) = verify(_subject(), import_file(ported.file))
    assert result.ok, result


def test_a_file_that_lies_there_is_used_as_it_is(ported):
    folder = ported.file.parent
    before = (folder / "modeling_tf_bert.py").stat().st_mtime_ns
    again = port(_subject(), folder)
    assert again.parts == ()
    assert again.draft == ported.draft
    assert (folder / "modeling_tf_bert.py").stat().st_mtime_ns == before


def test_a_family_that_cannot_be_ported_is_named(tmp_path, monkeypatch):
    def fail(*_):
        raise UsageError("PyTorch could run no model of this file.")

    monkeypatch.setattr("porter.port.port.family_subject", fail)
    (note,) = (note for note in port(_subject(), tmp_path).notes if "inside" in note.message)
    assert note.level == "left"
    assert note.message == "BertModel inside could not be ported: PyTorch could run no model of this file."
    assert note.hint == "porter scaffold bert"
