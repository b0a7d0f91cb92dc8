import os
import signal
import subprocess
import sys
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
