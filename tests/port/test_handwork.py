"""What users wrote into a port by hand is never lost: told apart from porter's text, refused, replaced or merged."""

from pathlib import Path

import pytest

from porter.base.errors import NotInstalled, UsageError
from porter.port.handwork import Overwrite, check, first_conflict, is_changed, put, size_of_change

FIRST = b"".join(b"line %d\n" % number for number in range(20))
SECOND = FIRST.replace(b"line 1\n", b"line one\n")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file as porter wrote it."""
    path = tmp_path / "ports" / "modeling_tf_x.py"
    put({path: FIRST}, Overwrite.REFUSE)
    return path


def edit(file: Path, old: bytes, new: bytes) -> bytes:
    content = file.read_bytes().replace(old, new)
    file.write_bytes(content)
    return content


def test_what_nobody_changed_is_replaced(file: Path) -> None:
    assert not is_changed(file)
    put({file: SECOND}, Overwrite.REFUSE)
    assert file.read_bytes() == SECOND
    assert not is_changed(file)


def test_what_was_changed_is_refused_with_the_size_of_the_change(file: Path) -> None:
    content = edit(file, b"line 9\n", b"line nine\nand more\n")
    with pytest.raises(UsageError) as refused:
        put({file: SECOND}, Overwrite.REFUSE)
    assert refused.value.place == str(file)
    assert "2 lines added, 1 removed since porter wrote it" in refused.value.sentence
    assert all(option in refused.value.hint for option in ("--merge", "--force", "--output"))
    assert file.read_bytes() == content


def test_one_changed_file_keeps_all_of_them(file: Path) -> None:
    beside = file.with_name("test_modeling_tf_x.py")
    put({beside: FIRST}, Overwrite.REFUSE)
    edit(beside, b"line 3\n", b"")
    with pytest.raises(UsageError, match="0 lines added, 1 removed"):
        put({file: SECOND, beside: SECOND}, Overwrite.REFUSE)
    assert file.read_bytes() == FIRST


def test_a_file_that_porter_did_not_write_is_somebodys_work(tmp_path: Path) -> None:
    file = tmp_path / "modeling_tf_x.py"
    file.write_text("mine\n")
    assert is_changed(file)
    assert size_of_change(file) == "porter has no record of having written it"
    for how in (Overwrite.REFUSE, Overwrite.MERGE):
        with pytest.raises(UsageError, match="no record"):
            check([file], how)


def test_forced_it_is_replaced_and_known_again(file: Path) -> None:
    edit(file, b"line 9\n", b"mine\n")
    put({file: SECOND}, Overwrite.FORCE)
    assert file.read_bytes() == SECOND
    assert not is_changed(file)


def test_a_merge_keeps_both(file: Path) -> None:
    edit(file, b"line 15\n", b"mine\n")
    put({file: SECOND}, Overwrite.MERGE)
    assert file.read_bytes() == SECOND.replace(b"line 15\n", b"mine\n")
    assert first_conflict(file) == 0


def test_after_a_merge_the_changes_are_still_known_as_the_users(file: Path) -> None:
    edit(file, b"line 15\n", b"mine\n")
    put({file: SECOND}, Overwrite.MERGE)
    assert size_of_change(file) == "1 line added, 1 removed since porter wrote it"
    put({file: FIRST}, Overwrite.MERGE)
    assert file.read_bytes() == FIRST.replace(b"line 15\n", b"mine\n")


def test_changes_at_the_same_place_are_both_there_and_marked(file: Path) -> None:
    edit(file, b"line 1\n", b"mine\n")
    put({file: SECOND}, Overwrite.MERGE)
    assert b"<<<<<<< changed by hand\nmine\n=======\nline one\n>>>>>>> porter now\n" in file.read_bytes()
    assert first_conflict(file) == 2


def test_a_merge_without_git_is_refused_before_anything_is_written(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = edit(file, b"line 1\n", b"mine\n")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NotInstalled, match="git"):
        put({file: SECOND}, Overwrite.MERGE)
    assert file.read_bytes() == content


def test_a_folder_in_the_files_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "modeling_tf_x.py").mkdir()
    with pytest.raises(UsageError):
        put({tmp_path / "modeling_tf_x.py": FIRST}, Overwrite.REFUSE)


@pytest.mark.parametrize("how", list(Overwrite))
@pytest.mark.parametrize("kind", ["link to a folder", "file", "link of a kept text"])
def test_what_porter_wrote_is_kept_nowhere_else(tmp_path: Path, how: Overwrite, kind: str) -> None:
    elsewhere, kept = tmp_path / "elsewhere", tmp_path / "ports" / ".porter"
    elsewhere.mkdir()
    kept.parent.mkdir()
    if kind == "link to a folder":
        kept.symlink_to(elsewhere)
    elif kind == "file":
        kept.write_text("")
    else:
        kept.mkdir()
        (kept / "x.py").symlink_to(elsewhere / "x.py")
    with pytest.raises(UsageError, match="a folder of its own"):
        put({kept.parent / "x.py": FIRST}, how)
    assert list(elsewhere.iterdir()) == []
    assert not (kept.parent / "x.py").exists()
