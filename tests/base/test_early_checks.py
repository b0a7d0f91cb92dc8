"""Options that cannot be meant are refused before any work."""

import os
from pathlib import Path

import pytest

from porter.base.early_checks import (
    check_choice,
    check_class,
    check_input_file,
    check_output_file,
    check_output_folder,
    tf_file,
)
from porter.base.errors import UsageError


def test_a_folder_that_is_there_or_can_be_made_will_do(tmp_path: Path) -> None:
    check_output_folder(tmp_path)
    check_output_folder(tmp_path / "a" / "b")
    check_output_folder(Path())
    check_output_folder(None)


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_in_the_outputs_place_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="has to be a folder") as refused:
        check_output_folder(tmp_path / "out" / below)
    assert refused.value.place == str(tmp_path / "out")


def test_a_file_that_can_be_written_will_do(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    for file in (None, tmp_path / "old", tmp_path / "new", tmp_path / "deep" / "new"):
        check_output_file("--html", file)


@pytest.mark.parametrize(("place", "sentence"), [(".", "this is a folder"), ("mine/page.html", "can lie below it")])
def test_where_no_file_can_be_written_is_refused(tmp_path: Path, place: str, sentence: str) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UsageError, match=sentence) as refused:
        check_output_file("--html", tmp_path / place)
    assert refused.value.hint == "--html FILE"


def test_where_nothing_may_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    for check in (lambda: check_output_file("--html", tmp_path / "x"), lambda: check_output_folder(tmp_path / "x")):
        with pytest.raises(UsageError, match="Nothing may be written in this folder"):
            check()


def test_a_file_to_be_read_has_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there").write_text("")
    os.mkfifo(tmp_path / "pipe")
    check_input_file("--inputs", None)
    check_input_file("--inputs", tmp_path / "there")
    for name, sentence in (("gone", "There is no"), ("pipe", "a pipe or a device"), (".", "it is a folder")):
        with pytest.raises(UsageError, match=sentence):
            check_input_file("--inputs", tmp_path / name)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(UsageError, match="may not be read"):
        check_input_file("--inputs", tmp_path / "there")


def test_the_tensorflow_side_is_a_file_and_perhaps_a_class(tmp_path: Path) -> None:
    file = tmp_path / "modeling_tf_x.py"
    file.write_text("")
    assert tf_file(str(file)) == (file, None)
    assert tf_file(f"{file}:TFX") == (file, "TFX")


@pytest.mark.parametrize(("name", "sentence"), [("w.h5", "not a Python file"), ("gone.py", "no TensorFlow file")])
def test_what_is_no_python_is_refused(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "w.h5").write_bytes(b"\x89HDF")
    with pytest.raises(UsageError, match=sentence):
        tf_file(str(tmp_path / name))


def test_choices_and_classes_are_suggested() -> None:
    with pytest.raises(UsageError) as refused:
        check_choice("--format", "safetensor", ("h5", "safetensors"))
    assert refused.value.hint == "did you mean --format safetensors?"
    with pytest.raises(UsageError) as refused:
        check_class("BertModl", ["BertModel", "BertForMaskedLM"])
    assert refused.value.hint == "did you mean BertModel? there are BertModel, BertForMaskedLM"
    check_choice("--format", "h5", ("h5",))
    check_class("X", ["X"])
