"""A port put into a checkout of transformers: what changes there, shown, made as a whole, and taken back."""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from porter.base import files
from porter.base.errors import UsageError
from porter.port.tree_entries import with_entries, with_import

SUPPORTED = "4.57."
_PACKAGE = Path("src/transformers")
_AUTO = _PACKAGE / "models/auto"


@dataclass(frozen=True)
class Changes:
    """What a port changes in a checkout.

    Attributes:
        tree: the checkout.
        family: the name of the family's folder.
        texts: the new text of each file, by its place in the checkout.
    """

    tree: Path
    family: str
    texts: Mapping[Path, str]

    def diff(self) -> str:
        """The changes as `git diff` shows them."""
        return "".join(_diff(file, _text(self.tree / file), text) for file, text in self.texts.items())

    def make(self) -> list[Path]:
        """Write all files, and before them what :func:`take_back` needs; return where they are.

        The tree is as it was where something interrupts it.
        """
        before = {file: _text(self.tree / file) for file in self.texts}
        record = [
            {"file": file.as_posix(), "before": before[file], "after": _digest(text)}
            for file, text in self.texts.items()
        ]
        kept = _record(self.tree, self.family)
        try:
            files.write_text(kept, json.dumps(record))
            for file, text in self.texts.items():
                files.write_text(self.tree / file, text)
        except BaseException:
            for file, text_before in before.items():
                _restore(self.tree / file, text_before)
            kept.unlink(missing_ok=True)
            raise
        return [self.tree / file for file in self.texts]


def check_tree(tree: Path, package: str, source: Path, force: bool = False) -> None:
    """Refuse a checkout that a family's port cannot be put into.

    Args:
        tree: the checkout.
        package: the family's package, `transformers.models.llama`.
        source: the PyTorch file that is ported.
        force: whether changes that are not committed may be written over.

    Raises:
        UsageError: it is not a checkout of a version that is supported, lacks the family or has another PyTorch file
            of it, has TensorFlow classes of the family, or changes in the files to edit that are not committed.
    """
    version = _version(tree)
    if not version.startswith(SUPPORTED):
        said = f"is of transformers {version}" if version else "is not a checkout of transformers"
        raise UsageError(f"The tree {said}; {SUPPORTED}* is supported.", place=str(tree), hint="--tree CHECKOUT")
    family = package.rpartition(".")[2]
    _git(tree, "rev-parse", "--git-dir")
    folder = tree / _PACKAGE / "models" / family
    theirs = folder / source.name
    if not theirs.is_file():
        raise UsageError(f"The tree has no {source.name} in {folder.name}/.", place=str(folder))
    if theirs.read_bytes() != source.read_bytes():
        sentence = f"The tree's {source.name} is another than the installed one, which is ported."
        raise UsageError(sentence, place=str(theirs), hint=f"pip install -e {tree}")
    taken = folder / source.name.replace("modeling_", "modeling_tf_", 1)
    if taken.exists() and not force:
        written = _record(tree, family).exists()
        hint = f"porter scaffold {family} --tree {tree} --undo" if written else "--force replaces it"
        raise UsageError("The tree has TensorFlow classes of this family.", place=str(taken), hint=hint)
    edited = (str(_AUTO / "modeling_tf_auto.py"), str((folder / "__init__.py").relative_to(tree)))
    changed = _git(tree, "status", "--porcelain", "--", *edited).split()
    if changed and not force:
        sentence = "This file has changes that are not committed. Nothing was written."
        raise UsageError(sentence, place=str(tree / changed[-1]), hint="commit them, or --force")


def changes_in(tree: Path, written: Path, modeling: Path) -> Changes:
    """What the files of a port change in a checkout that :func:`check_tree` has let pass.

    Args:
        tree: the checkout.
        written: the folder with the port's files, in the layout of a tree.
        modeling: the port's modeling file below it.

    Raises:
        UsageError: a file of the tree does not look as those of the version do.
    """
    own = (file for file in sorted(written.rglob("*.py")) if not file.name.startswith("."))
    texts = {file.relative_to(written): file.read_text(encoding="utf-8") for file in own}
    init, auto = modeling.relative_to(written).with_name("__init__.py"), _AUTO / "modeling_tf_auto.py"
    classes = [name.removeprefix("TF") for name in _exported(modeling)]
    try:
        texts[init] = with_import((tree / init).read_text(encoding="utf-8"), modeling.stem)
        torch = (tree / _AUTO / "modeling_auto.py").read_text(encoding="utf-8")
        texts[auto] = with_entries((tree / auto).read_text(encoding="utf-8"), torch, classes)
        tests = written.glob("tests/models/*/*.py")
        beside = {file.relative_to(written).with_name("__init__.py") for file in tests}
        texts |= {file: "" for file in beside if not (tree / file).exists()}
    except (OSError, ValueError, SyntaxError) as error:
        raise UsageError(f"The tree's {init} or {auto.name} cannot be edited: {error}.", place=str(tree)) from error
    return Changes(tree, modeling.parent.name, texts)


def take_back(tree: Path, family: str, force: bool = False) -> list[Path]:
    """Give a checkout back the files that porter changed there for a family, and return them.

    Raises:
        UsageError: porter has changed nothing for it, or one of the files was changed since.
    """
    kept = _record(tree, family)
    if not kept.is_file():
        raise UsageError(f"porter has no record of changes for {family} in this tree.", place=str(tree))
    record = json.loads(kept.read_text(encoding="utf-8"))
    for entry in record:
        now = _text(tree / entry["file"])
        if not force and (now is None or _digest(now) != entry["after"]):
            sentence = "This file was changed since porter wrote it. Nothing was taken back."
            raise UsageError(sentence, place=str(tree / entry["file"]), hint="--force takes it back all the same")
    for entry in record:
        _restore(tree / entry["file"], entry["before"])
    kept.unlink()
    return [tree / entry["file"] for entry in record]


def _exported(modeling: Path) -> list[str]:
    for node in ast.parse(modeling.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return []


def _version(tree: Path) -> str:
    init = tree / _PACKAGE / "__init__.py"
    lines = init.read_text(encoding="utf-8").splitlines() if init.is_file() else []
    return next((line.partition("=")[2].strip(" \"'") for line in lines if line.startswith("__version__")), "")


def _git(tree: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(("git", "-C", str(tree), *arguments), capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise UsageError("--tree needs git, which is not installed.") from error
    if done.returncode:
        raise UsageError("The tree is not a git checkout.", place=str(tree), hint="git clone, then --tree CHECKOUT")
    return done.stdout


def _record(tree: Path, family: str) -> Path:
    return tree / _git(tree, "rev-parse", "--git-dir").strip() / "porter" / f"{family}.json"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _text(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _restore(file: Path, text: str | None) -> None:
    if text is None:
        file.unlink(missing_ok=True)
    else:
        files.write_text(file, text)


def _diff(file: Path, before: str | None, after: str) -> str:
    old = "/dev/null" if before is None else f"a/{file.as_posix()}"
    lines = difflib.unified_diff(
        (before or "").splitlines(keepends=True), after.splitlines(keepends=True), old, f"b/{file.as_posix()}"
    )
    return "".join(lines)
