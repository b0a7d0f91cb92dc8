"""One run at a time writes into a folder, and an empty one is not left behind."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from porter.base.claim import claimed
from porter.base.errors import UsageError


def test_a_second_run_is_refused_and_a_later_one_is_not(tmp_path: Path) -> None:
    code = "import pathlib, sys, porter.base.claim as c\nwith c.claimed(pathlib.Path(sys.argv[1])): pass"
    command = [sys.executable, "-c", code, str(tmp_path)]
    with claimed(tmp_path):
        other = subprocess.run(command, capture_output=True, text=True, check=False)
        with pytest.raises(UsageError, match="Another run is writing into"), claimed(tmp_path):
            raise AssertionError("it was claimed twice")
    assert f"Another run is writing into {tmp_path}." in other.stderr
    subprocess.run(command, check=True)


def test_what_was_made_and_is_empty_goes_again(tmp_path: Path) -> None:
    with claimed(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()
    assert list(tmp_path.iterdir()) == []


def test_what_something_came_into_or_was_there_stays(tmp_path: Path) -> None:
    with claimed(tmp_path / "a" / "b"):
        (tmp_path / "a" / "file").write_text("")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["file"]
    (tmp_path / "empty").mkdir()
    with claimed(tmp_path / "empty"):
        pass
    assert (tmp_path / "empty").is_dir()


def test_a_folder_that_another_run_removed_meanwhile_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, lock = tmp_path / "a", fcntl.flock
    removed = []

    def flock(handle: int, how: int) -> None:
        if not removed:
            folder.rmdir()
            removed.append(folder)
        lock(handle, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with claimed(folder):
        assert removed and folder.is_dir()


def test_where_the_file_system_knows_no_locks_nobody_is_kept_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(handle: int, how: int) -> None:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(fcntl, "flock", flock)
    with claimed(tmp_path), claimed(tmp_path):
        pass
