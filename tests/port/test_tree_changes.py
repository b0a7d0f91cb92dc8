"""A port is put into a checkout as a whole or not at all, and taken back as a whole."""

import subprocess
from pathlib import Path

import pytest

from porter.base import files
from porter.base.errors import UsageError
from porter.port.tree_changes import Changes, changes_in, check_tree, take_back
from tests.port.test_tree_entries import INIT, TENSORFLOW, TORCH

PACKAGE = "transformers.models.larch"
FAMILY, AUTO = Path("src/transformers/models/larch"), Path("src/transformers/models/auto")
TEXTS = {
    Path("src/transformers/__init__.py"): '__version__ = "4.57.3"\n',
    FAMILY / "__init__.py": INIT,
    FAMILY / "modeling_larch.py": "class LarchModel: ...\n",
    AUTO / "modeling_auto.py": TORCH,
    AUTO / "modeling_tf_auto.py": TENSORFLOW,
}


def git(folder: Path, *arguments: str) -> str:
    command = ("git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.invalid", *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    for file, text in TEXTS.items():
        files.write_text(folder / file, text)
    git(tmp_path, "init", "-q", str(folder))
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "all")
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "installed" / "modeling_larch.py"
    files.write_text(file, TEXTS[FAMILY / "modeling_larch.py"])
    return file


@pytest.fixture
def changes(tree: Path, tmp_path: Path) -> Changes:
    written = tmp_path / "written"
    modeling = written / FAMILY / "modeling_tf_larch.py"
    files.write_text(modeling, '__all__ = ["TFLarchModel", "TFLarchForAudio"]\n')
    files.write_text(modeling.with_name("_tf_utils.py"), "carried = 1\n")
    files.write_text(written / "tests/models/larch/test_modeling_tf_larch.py", "import unittest\n")
    return changes_in(tree, written, modeling)


def status(tree: Path) -> set[str]:
    return {line[3:] for line in git(tree, "status", "--porcelain", "-uall").splitlines()}


CHANGED = {
    (FAMILY / name).as_posix() for name in ("__init__.py", "modeling_tf_larch.py", "_tf_utils.py")
} | {
    (AUTO / "modeling_tf_auto.py").as_posix(),
    "tests/models/larch/__init__.py",
    "tests/models/larch/test_modeling_tf_larch.py",
}  # fmt: skip


def test_all_is_written_and_taken_back(tree: Path, changes: Changes) -> None:
    assert {file.relative_to(tree).as_posix() for file in changes.make()} == CHANGED == status(tree)
    assert "from .modeling_tf_larch import *" in (tree / FAMILY / "__init__.py").read_text()
    auto = (tree / AUTO / "modeling_tf_auto.py").read_text()
    assert '("larch-tree", "TFLarchModel")' in auto and '("larch-tree", "TFLarchForAudio")' in auto
    assert len(take_back(tree, "larch")) == len(CHANGED)
    assert status(tree) == set()
    with pytest.raises(UsageError, match="no record"):
        take_back(tree, "larch")


def test_the_diff_is_one_that_git_applies(tree: Path, changes: Changes, tmp_path: Path) -> None:
    patch = tmp_path / "changes.patch"
    patch.write_text(changes.diff())
    assert status(tree) == set()
    git(tree, "apply", "--check", str(patch))


def test_an_interrupted_edit_leaves_the_tree_as_it_was(
    tree: Path, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = files.write_text, []

    def interrupted(path: Path, text: str) -> None:
        written.append(path)
        if len(written) == 4:
            raise KeyboardInterrupt
        write(path, text)

    monkeypatch.setattr(files, "write_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        changes.make()
    assert status(tree) == set()
    with pytest.raises(UsageError, match="no record"):
        take_back(tree, "larch")


def test_what_was_changed_since_is_not_taken_back(tree: Path, changes: Changes) -> None:
    changes.make()
    port = tree / FAMILY / "modeling_tf_larch.py"
    port.write_text(port.read_text() + "mine = 1\n")
    with pytest.raises(UsageError, match="changed since"):
        take_back(tree, "larch")
    assert status(tree) == CHANGED
    take_back(tree, "larch", force=True)
    assert status(tree) == set()


def test_a_tree_that_fits_is_let_pass(tree: Path, source: Path) -> None:
    check_tree(tree, PACKAGE, source)


@pytest.mark.parametrize(
    ("file", "text", "said", "with_force"),
    [
        (Path("src/transformers/__init__.py"), '__version__ = "5.0.0"\n', "is of transformers 5.0.0", False),
        (Path("src/transformers/__init__.py"), "", "is not a checkout of transformers", False),
        (FAMILY / "modeling_larch.py", "class Other: ...\n", "is another than the installed one", False),
        (FAMILY / "modeling_tf_larch.py", "class TFLarchModel: ...\n", "has TensorFlow classes of this family", True),
        (AUTO / "modeling_tf_auto.py", f"{TENSORFLOW}# mine\n", "not committed", True),
        (FAMILY / "__init__.py", f"{INIT}# mine\n", "not committed", True),
    ],
)
def test_a_tree_that_does_not_fit_is_refused(
    tree: Path, source: Path, file: Path, text: str, said: str, with_force: bool
) -> None:
    (tree / file).write_text(text)
    with pytest.raises(UsageError, match=said):
        check_tree(tree, PACKAGE, source)
    if with_force:
        check_tree(tree, PACKAGE, source, force=True)
    else:
        with pytest.raises(UsageError, match=said):
            check_tree(tree, PACKAGE, source, force=True)


def test_a_family_that_the_tree_lacks_is_refused(tree: Path, source: Path) -> None:
    with pytest.raises(UsageError, match=r"has no modeling_larch\.py in spruce"):
        check_tree(tree, "transformers.models.spruce", source)


def test_a_port_of_before_says_how_it_is_taken_back(tree: Path, source: Path, changes: Changes) -> None:
    changes.make()
    with pytest.raises(UsageError) as error:
        check_tree(tree, PACKAGE, source)
    assert error.value.hint.endswith("--undo")


def test_what_is_not_a_git_checkout_is_refused(tree: Path, source: Path) -> None:
    (tree / ".git").rename(tree / "not-git")
    with pytest.raises(UsageError, match="not a git checkout"):
        check_tree(tree, PACKAGE, source)


def test_a_tree_whose_files_look_otherwise_is_not_edited(tree: Path, changes: Changes, tmp_path: Path) -> None:
    (tree / FAMILY / "__init__.py").write_text("import sys\n")
    with pytest.raises(UsageError, match="cannot be edited"):
        changes_in(tree, tmp_path / "written", tmp_path / "written" / FAMILY / "modeling_tf_larch.py")
