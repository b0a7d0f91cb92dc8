"""Files appear whole or not at all."""

import os
import resource
from pathlib import Path

import pytest

from porter.base import files


def test_a_file_is_written_with_the_folders_above_it(tmp_path: Path) -> None:
    files.write_text(tmp_path / "a" / "b.txt", "täxt\n")
    assert (tmp_path / "a" / "b.txt").read_text(encoding="utf-8") == "täxt\n"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b.txt").write_text("old")

    def fails(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="No space left"):
        files.write_text(tmp_path / "b.txt", "new")
    assert (tmp_path / "b.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]


def test_the_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    files.write_text(tmp_path / "a", "")
    (tmp_path / "b").write_text("")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_pipe_or_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="No such device"):  # nobody reads
        files.write_text(pipe, "text")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    files.write_text(pipe, "text")
    assert os.read(reader, 100) == b"text"
    os.close(reader)
    assert pipe.is_fifo()
    with pytest.raises(IsADirectoryError):
        files.write_text(tmp_path, "text")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_link_to_a_file_is_replaced_and_what_it_leads_to_is_left(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("precious")
    (tmp_path / "link").symlink_to("other")
    files.write_text(tmp_path / "link", "new")
    assert ((tmp_path / "other").read_text(), (tmp_path / "link").read_text()) == ("precious", "new")


def test_a_full_disk_is_told_with_the_file_and_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large") as full:
            files.write_text(path, "new" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert full.value.filename == str(path)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("page.html", "old")]


def test_of_several_files_all_are_written_or_on_a_full_disk_none(tmp_path: Path) -> None:
    contents = {tmp_path / "a.py": b"new", tmp_path / "kept" / "b.py": b"new" * 1000}
    (tmp_path / "a.py").write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large") as full:
            files.write_together(contents)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert full.value.filename == str(tmp_path / "kept" / "b.py")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.py", "old")]
    files.write_together(contents)
    assert {path: path.read_bytes() for path in contents} == contents
