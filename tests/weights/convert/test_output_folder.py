import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from porter.base.errors import UsageError
from porter.weights.convert.output_folder import copy_companions, whole_folder

ROOT = Path(__file__).parents[3]


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


@pytest.mark.parametrize("below", ["out", "deep/out"])
def test_nothing_can_lie_below_a_file(tmp_path, below):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UsageError, match="This is a file") as refused, whole_folder(tmp_path / "mine" / below):
        pass
    assert refused.value.place == str(tmp_path / "mine")


def test_a_second_run_on_the_same_output_is_refused(tmp_path):
    def race():
        with whole_folder(tmp_path / "out"):
            raise AssertionError("the second run began")

    with whole_folder(tmp_path / "out") as first:
        (first / "file").write_text("first")
        with pytest.raises(UsageError, match="Another run is writing"):
            race()
    assert (tmp_path / "out" / "file").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_output_that_appears_meanwhile_is_kept(tmp_path):
    def overtaken():
        with whole_folder(tmp_path / "out"):
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "file").write_text("someone else's")

    with pytest.raises(UsageError, match="meanwhile"):
        overtaken()
    assert (tmp_path / "out" / "file").read_text() == "someone else's"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_run_left_is_removed(tmp_path):
    script = """
import os, signal, sys
from pathlib import Path
from porter.weights.convert.output_folder import whole_folder
with whole_folder(Path(sys.argv[1])) as folder:
    (folder / "file").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path / "out")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [path.name[:12] for path in tmp_path.iterdir()] == [".out.porter-"]
    with whole_folder(tmp_path / "out") as folder:
        (folder / "file").write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path):
    def write():
        with whole_folder(tmp_path / "out"):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(UsageError, match="cannot be written: No space left on device"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_finds_the_disk_full_names_the_output_and_not_what_was_copied(tmp_path):
    (tmp_path / "port.py").write_text("#" * 5000)

    def write():
        with whole_folder(tmp_path / "out") as folder:
            shutil.copyfile(tmp_path / "port.py", folder / "port.py")

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(UsageError, match="out cannot be written: File too large"):
            write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["port.py"]


@pytest.mark.parametrize("error", [OSError("no such template"), FileNotFoundError(2, "No such file", "/elsewhere")])
def test_an_error_that_is_not_the_disks_stays_what_it_is(tmp_path, error):
    with pytest.raises(type(error)) as raised, whole_folder(tmp_path / "out"):
        raise error
    assert raised.value is error
    assert list(tmp_path.iterdir()) == []


def test_a_dangling_link_is_not_overwritten(tmp_path):
    (tmp_path / "out").symlink_to("nowhere")
    with pytest.raises(UsageError, match="exists already"), whole_folder(tmp_path / "out"):
        pass


@pytest.mark.parametrize(
    "name", [".out.porter-backup", ".out.porter-abcdefgh", ".outer.porter-abcdefgh", ".x.porter-abcdefgh"]
)
@pytest.mark.parametrize("output", ["out", "*", "[ox]*", "?ut"])
def test_a_neighbour_that_is_not_porters_stays(tmp_path, name, output):
    (tmp_path / name).mkdir()
    (tmp_path / name / "thesis.txt").write_text("precious")
    with whole_folder(tmp_path / output) as folder:
        (folder / "file").write_text("whole")
    assert (tmp_path / name / "thesis.txt").read_text() == "precious"


def test_modes_follow_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        with whole_folder(tmp_path / "out"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", [".", "..", "../here", "/"])
def test_the_current_folder_is_no_output(tmp_path, monkeypatch, name):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(UsageError, match="is the current folder or one around it"), whole_folder(Path(name)):
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


FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from porter.base.errors import PorterError
from porter.weights.convert.output_folder import whole_folder
from porter.runtime.stored.writers import Entry
from porter.weights.formats import all_formats
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
array = np.ones((300, 400), np.float32)
entries = [Entry(f"l{n}/k:0", f"m/l{n}/k:0", (f"l{n}",), array.shape, "float32") for n in range(20)]
try:
    with whole_folder(Path(sys.argv[1]) / "out") as folder:
        with all_formats()[sys.argv[2]].open(folder / "weights", entries, flat=False) as writer:
            for entry in entries:
                writer.add(entry, array)
except PorterError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [100, 51_200, 1_000_000, 9_600_000])
@pytest.mark.parametrize("weight_format", ["h5", "safetensors"])
def test_a_file_that_cannot_grow_is_one_sentence_and_leaves_nothing(tmp_path, weight_format, limit):
    command = [sys.executable, "-c", FULL, str(tmp_path), weight_format, str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == f"{tmp_path / 'out'} cannot be written: File too large.\n"
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["secret", "/etc/hostname", "../outside"])
def test_companions_that_lead_out_of_the_folder_are_refused(tmp_path, target):
    (tmp_path / "m").mkdir()
    (tmp_path / "outside").write_text("x")
    (tmp_path / "m" / "vocab.txt").symlink_to(target if target.startswith(("/", "..")) else tmp_path / "outside")
    with pytest.raises(UsageError, match="is a link that leads out of its folder"):
        copy_companions(tmp_path / "m", tmp_path)


def test_a_pipe_among_companions_is_not_waited_for(tmp_path):
    (tmp_path / "m").mkdir()
    os.mkfifo(tmp_path / "m" / "vocab.txt")
    with pytest.raises(UsageError, match="is not a file"):
        copy_companions(tmp_path / "m", tmp_path)
