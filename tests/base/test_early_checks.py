"""Options that cannot be meant are refused before any work."""

from pathlib import Path

import pytest

from porter.base.early_checks import check_choice, check_class, check_output_folder, tf_file
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
