import json

import pytest

from porter.base.errors import UsageError
from porter.weights.report.conversion_report import body, hashes, is_raised, read_report, summary, write_report

DATA = {
    "schema": 1,
    "class": "TFBertModel",
    "source": "someone/model",
    "matches": True,
    "max_error": 5e-5,
    "seed": 3,
    "differences": {
        "crossload": {"outputs": 1.25e-7, "hidden_states": 2.5e-6},
        "conversion": {"outputs": 1.25e-7, "hidden_states": None},
    },
    "trials": ["1 token", "padded left"],
    "unused": ["embeddings.position_ids"],
    "files": {"tf_model.h5": "abc123", "config.json": "def456"},
    "versions": {"porter": "0.1.0", "torch": "2.13"},
    "seconds": {},
}


def test_the_body_says_what_was_measured_on_what_and_with_what():
    text = body(DATA, ["tf_model.h5"], "Thanks.")
    for part in (
        "Maximum crossload output difference=1.250e-07;",
        "Maximum crossload hidden layer difference=2.500e-06;",
        "Maximum conversion hidden layer difference=none;",
        "2 inputs (seed 3): 1 token, padded left.",
        "| `tf_model.h5` | `abc123` |",
        "porter 0.1.0, torch 2.13.",
        "porter pt-to-tf --model someone/model --seed 3",
    ):
        assert part in text
    assert text.endswith("Thanks.\n")
    assert "config.json" not in text
    assert "CAUTION" not in text


def test_a_raised_bound_is_a_caution_wherever_it_is_shown(tmp_path):
    raised = {**DATA, "max_error": 0.01}
    assert is_raised(raised)
    assert "CAUTION: The maximum admissible error was manually increased to 0.01!" in body(raised, [])
    assert "CAUTION" in summary(raised, tmp_path)
    assert "CAUTION" not in summary(DATA, tmp_path)


def test_the_summary_names_what_was_not_used(tmp_path):
    assert "not used by TFBertModel: embeddings.position_ids" in summary(DATA, tmp_path)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tf_model.h5").write_bytes(b"weights")
    write_report(tmp_path, {**DATA, "files": hashes(tmp_path)})
    return tmp_path


def test_a_report_is_read_back(folder):
    assert read_report(folder)["files"] == hashes(folder)


def test_without_a_report_there_is_none(tmp_path):
    assert read_report(tmp_path) is None


@pytest.mark.parametrize("change", ["changed", "gone", "added"])
def test_files_that_are_not_what_was_converted(folder, change):
    file = folder / ("other" if change == "added" else "tf_model.h5")
    if change == "gone":
        file.unlink()
    else:
        file.write_bytes(b"other")
    with pytest.raises(UsageError, match="not what was converted"):
        read_report(folder)


@pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({"files": 3})])
def test_a_report_that_is_none(tmp_path, text):
    (tmp_path / "pt_to_tf.json").write_text(text)
    with pytest.raises(UsageError, match="not a report of porter"):
        read_report(tmp_path)


@pytest.mark.parametrize("odd", [None, True, 3, "x", [], [[]], {"a": 3}, {"a": None}, {"a": [3]}], ids=repr)
@pytest.mark.parametrize("name", ["rounding", "blocks", "differences", "trials", "versions", "unused"])
def test_a_report_with_a_field_of_another_type_is_none_or_can_be_shown(folder, name, odd):
    data = {**DATA, "files": hashes(folder), name: odd}
    write_report(folder, data)
    try:
        found = read_report(folder)
    except UsageError as error:
        assert "not a report of porter" in str(error)  # noqa: PT017 - either is right
    else:
        assert summary(found, folder)
        assert body(found, ["tf_model.h5"])
