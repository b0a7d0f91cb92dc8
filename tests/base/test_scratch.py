import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from porter.base.scratch import MARKER, TEXT, InUse, remove_stale, scratch_folder

ROOT = Path(__file__).parents[2]
KILLED = """
import os, signal, sys
from pathlib import Path
from porter.base.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1]) if len(sys.argv) > 1 else None):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_ends_with_the_block(tmp_path):
    with scratch_folder(tmp_path) as folder:
        (folder / "file").write_text("half")
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_where_temporary_files_go_is_removed_and_said(tmp_path, monkeypatch, capsys):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    killed = subprocess.run([sys.executable, "-c", KILLED], check=False, cwd=ROOT, env=environment)
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch_folder():
        assert not left.exists()
    assert str(left) in capsys.readouterr().err


def test_one_in_use_stays(tmp_path):
    with scratch_folder(tmp_path) as first:
        assert remove_stale(tmp_path, "porter-") == [first]
        with scratch_folder(tmp_path) as second:
            assert first.exists()
            assert second.exists()
        with pytest.raises(InUse), scratch_folder(tmp_path, alone=True):
            pass


def test_an_empty_folder_is_what_a_run_left_that_was_killed_at_once(tmp_path, capsys):
    left = tmp_path / "porter-abcdefgh"
    left.mkdir()
    assert remove_stale(tmp_path, "porter-") == []
    assert not left.exists()
    assert str(left) in capsys.readouterr().err


def test_a_folder_that_another_run_took_for_a_left_one_is_made_again(tmp_path, monkeypatch):
    draw, drawn = tempfile.mkdtemp, []

    def taken(**kwargs):
        drawn.append(draw(**kwargs))
        if len(drawn) == 1:
            Path(drawn[0]).rmdir()
        return drawn[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", taken)
    with scratch_folder(tmp_path) as folder:
        assert str(folder) == drawn[1]


def test_the_marker_goes_last(tmp_path, monkeypatch):
    seen = []
    remove = shutil.rmtree

    def watched(path, **kwargs):
        seen.append(sorted(each.name for each in folder.iterdir()))
        remove(path, **kwargs)

    with scratch_folder(tmp_path) as folder:
        (folder / "a").write_text("half")
        (folder / "deep").mkdir()
        monkeypatch.setattr(shutil, "rmtree", watched)
    assert all(MARKER in names for names in seen)
    assert seen[-1] == [MARKER]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["porter-backup", "porter-abcdefgh0", "porter-ABCDEFGH", "xporter-abcdefgh", "porter-abcdefgh"]
)
def test_folders_of_other_names_or_without_the_marker_stay(tmp_path, name):
    (tmp_path / name).mkdir()
    if name != "porter-abcdefgh":
        (tmp_path / name / MARKER).write_text(TEXT)
    else:
        (tmp_path / name / MARKER).write_text("mine")
    assert remove_stale(tmp_path, "porter-") == []
    assert (tmp_path / name).exists()


def test_links_stay(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / MARKER).write_text(TEXT)
    (tmp_path / "porter-abcdefgh").symlink_to("real")
    assert remove_stale(tmp_path, "porter-") == []
    assert (tmp_path / "real").exists()


def test_where_the_disk_is_full_no_folder_is_left(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(OSError, match="File too large"), scratch_folder(tmp_path):
            raise AssertionError("the marker cannot have been written")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
