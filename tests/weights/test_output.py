import pytest

from porter.errors import UsageError
from porter.weights.output import copy_companions, whole_folder


def test_the_folder_appears_at_the_end(tmp_path):
    with whole_folder(tmp_path / "a" / "out") as folder:
        (folder / "file").write_text("whole")
        assert not (tmp_path / "a" / "out").exists()
    assert (tmp_path / "a" / "out" / "file").read_text() == "whole"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["out"]


def test_a_failure_leaves_nothing(tmp_path):
    def interrupted():
        with whole_folder(tmp_path / "out") as folder:
            (folder / "file").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_taken_and_a_full_one_is_not(tmp_path):
    (tmp_path / "empty").mkdir()
    with whole_folder(tmp_path / "empty") as folder:
        (folder / "file").write_text("whole")
    with pytest.raises(UsageError, match="exists already"), whole_folder(tmp_path / "empty"):
        pass
    assert (tmp_path / "empty" / "file").read_text() == "whole"


def test_whoever_comes_second_loses_and_leaves_nothing(tmp_path):
    def race():
        with whole_folder(tmp_path / "out") as second:
            (second / "file").write_text("second")
            with whole_folder(tmp_path / "out") as first:
                (first / "file").write_text("first")

    with pytest.raises(UsageError, match="meanwhile"):
        race()
    assert (tmp_path / "out" / "file").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_dangling_link_is_not_overwritten(tmp_path):
    (tmp_path / "out").symlink_to("nowhere")
    with pytest.raises(UsageError, match="exists already"), whole_folder(tmp_path / "out"):
        pass


def test_companions_are_configuration_and_tokenizer_only(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    wanted = {"config.json", "tokenizer.json", "vocab.txt"}
    for name in (*wanted, "model.safetensors", "model.safetensors.index.json", "modeling.py", "README.md"):
        (source / name).write_text("x")
    assert {path.name for path in copy_companions(source, target)} == wanted
    assert {path.name for path in target.iterdir()} == wanted
