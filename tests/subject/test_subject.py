import json
from pathlib import Path

import pytest

from porter.base.errors import UsageError
from porter.subject.find import find_subject
from porter.subject.inputs.arrays import numpy_inputs
from porter.subject.inputs.variation import runs
from porter.subject.locate import locate
from porter.subject.shrink import STRATEGIES, role_of, shrink
from porter.subject.torch_model import build_torch_model

PORTS = Path(__file__).parents[1] / "ports"
EXAMPLES = Path(__file__).parents[2] / "examples"


def everything_runs(subject):
    for case in subject.cases:
        for model_case in case.models:
            model = build_torch_model(subject, case, model_case.name)
            assert runs(model, numpy_inputs(case.inputs_of(model_case))), model_case.name


def test_a_sample_says_config_inputs_and_classes():
    subject = find_subject("bert", PORTS / "bert.json", ["BertModel", "BertForMultipleChoice"])
    assert subject.module_name == "transformers.models.bert.modeling_bert"
    assert subject.file.name == "modeling_bert.py"
    assert "class BertModel" in subject.source
    (case,) = subject.cases
    base, choice = case.models
    assert case.inputs_of(base)[0].shape == (2, 7)
    assert case.inputs_of(choice)[0].shape == (2, 2, 7)
    assert base.comparable
    assert 0 < base.noise < 1e-5


@pytest.mark.parametrize("wrapped", [lambda case: case, lambda case: [case], lambda case: {"cases": [case]}])
def test_a_sample_is_a_case_a_list_or_cases(tmp_path, wrapped):
    case = json.loads((PORTS / "vit.json").read_text())["cases"][0]
    file = tmp_path / "sample.json"
    file.write_text(json.dumps(wrapped(case)))
    assert find_subject("vit", file).cases == find_subject("vit", PORTS / "vit.json").cases


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not a JSON file"),
        ("3", "neither a case nor a list"),
        ('{"config": {}}', "inputs is missing"),
        ('{"family": "gpt2", "arguments": {}, "inputs": [], "models": []}', "holds no case of 'bert'"),
    ],
)
def test_a_broken_sample_is_one_sentence(tmp_path, text, sentence):
    file = tmp_path / "sample.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=sentence) as caught:
        find_subject("bert", file)
    assert caught.value.place == str(file)
    assert caught.value.hint


def test_a_sample_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        find_subject("bert", tmp_path / "nothing.json")


def test_an_unknown_class_is_answered_with_those_there_are():
    for sample in (PORTS / "bert.json", None):
        with pytest.raises(UsageError, match="BertModell") as caught:
            find_subject("bert", sample, ["BertModell"])
        assert "BertModel" in caught.value.hint


@pytest.mark.parametrize("name", ["nosuch", "./nosuch", "nosuch.py"])
def test_an_unknown_name_says_where_it_was_looked_for(name):
    with pytest.raises(UsageError, match="neither a model type") as caught:
        find_subject(name)
    assert "examples" in caught.value.hint


@pytest.mark.parametrize("name", ["xlm-roberta", "xlm_roberta"])
def test_model_types_with_dashes(name):
    assert locate(name).module_name == "transformers.models.xlm_roberta.modeling_xlm_roberta"


def test_a_model_type_whose_folder_has_another_name():
    assert locate("data2vec-text").module_name == "transformers.models.data2vec.modeling_data2vec_text"


@pytest.mark.parametrize("family", ["bert", "llama", "t5", "wav2vec2", "convnext"])
def test_without_a_sample_every_class_runs_tiny(family):
    subject = find_subject(family)
    named = {
        model["name"]
        for case in json.loads((PORTS / f"{family}.json").read_text())["cases"]
        for model in case["models"]
    }
    assert named <= {model.name for case in subject.cases for model in case.models}
    everything_runs(subject)


def test_query_and_key_heads_differ_and_each_kind_of_layer_is_kept():
    from transformers import Gemma3TextConfig

    small = shrink(Gemma3TextConfig(), STRATEGIES[0])
    assert (small["num_attention_heads"], small["num_key_value_heads"]) == (4, 2)
    assert small["layer_types"] == ["sliding_attention", "full_attention"]
    assert small["num_hidden_layers"] == 2
    assert small["sliding_window"] < 7


def test_widths_keep_their_relations():
    from transformers import SwinConfig

    small = shrink(SwinConfig(depths=[2, 2, 6, 2]), STRATEGIES[0])
    assert small["depths"] == [2, 2, 2, 2]
    assert small["image_size"] < 224


@pytest.mark.parametrize(
    ("field", "role"),
    [
        ("num_attention_heads", "heads"),
        ("n_head", "heads"),
        ("num_key_value_heads", "kv_heads"),
        ("encoder_layers", "layers"),
        ("depths", "layers"),
        ("n_embd", "width"),
        ("hidden_sizes", "width"),
        ("patch_size", "kept"),
        ("max_position_embeddings", "positions"),
        ("initializer_factor", "other"),
    ],
)
def test_a_field_says_by_its_name_what_it_counts(field, role):
    assert role_of(field) == role


def test_a_folder_is_imported_without_being_installed(tmp_path):
    folder = tmp_path / "own_model"
    folder.mkdir()
    for file in (EXAMPLES / "brand_new_bert").glob("*.py"):
        text = file.read_text().replace("brand_new_bert", "own_model")
        (folder / file.name.replace("brand_new_bert", "own_model")).write_text(text)
    subject = find_subject(str(folder))
    assert subject.module_name == "own_model.modeling_own_model"
    assert {model.name for case in subject.cases for model in case.models} >= {"BrandNewBertModel"}
    everything_runs(subject)
    assert find_subject(str(folder / "modeling_own_model.py")).file == subject.file


def test_the_example_is_found_by_its_bare_name(monkeypatch):
    monkeypatch.chdir(EXAMPLES.parent)
    subject = find_subject("brand_new_bert", EXAMPLES / "brand_new_bert" / "sample.json")
    everything_runs(subject)


def test_a_checkpoint_keeps_what_its_configuration_says(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "hidden_act": "relu", "hidden_size": 48}))
    (case,) = find_subject(str(tmp_path), classes=["BertModel"]).cases
    assert case.config["hidden_act"] == "relu"
    assert case.config["hidden_size"] <= 48


def test_code_of_a_repository_runs_only_when_allowed(tmp_path):
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "odd", "auto_map": {"AutoModel": "modeling_odd.Odd"}})
    )
    (tmp_path / "modeling_odd.py").write_text("raise RuntimeError('it ran')\n")
    with pytest.raises(UsageError, match="brings its own code") as caught:
        find_subject(str(tmp_path))
    assert "--trust-remote-code" in caught.value.hint
    with pytest.raises(UsageError, match="it ran"):
        find_subject(str(tmp_path), trust_remote_code=True)


def test_a_file_that_holds_no_model(tmp_path):
    (tmp_path / "empty").mkdir()
    file = tmp_path / "empty" / "modeling_empty.py"
    file.write_text("x = 1\n")
    with pytest.raises(UsageError, match=r"no class that is a torch\.nn\.Module"):
        find_subject(str(file))
    other = tmp_path / "notes.txt"
    other.write_text("x = 1\n")
    with pytest.raises(UsageError, match="not a Python file"):
        find_subject(str(other))


def test_an_empty_folder(tmp_path):
    with pytest.raises(UsageError, match="neither modeling_"):
        find_subject(str(tmp_path))
