"""`porter scaffold`: subject, trace, rewrite, write, verify."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from porter.base import console
from porter.base.installed import need
from porter.base.stages import Stages
from porter.port.class_result import ClassResult
from porter.port.handwork import Overwrite, check, first_conflict
from porter.port.in_tree import check_family, import_into_tree
from porter.port.load import import_file
from porter.port.port import port
from porter.port.reached import told
from porter.port.tree_changes import check_tree
from porter.port.verify import verify
from porter.port.write import targets
from porter.rewrite import Note
from porter.rewrite.targets import target_named
from porter.subject import Subject
from porter.subject.find import NOTHING, find_subject
from porter.subject.plain_modules import Given
from porter.subject.tiny import model_classes

SCHEMA = 1


@dataclass(frozen=True)
class Options:
    """What the user asked for."""

    name: str
    output: Path
    classes: tuple[str, ...] = ()
    sample: Path | None = None
    verify: bool = True
    trust_remote_code: bool = False
    overwrite: Overwrite = Overwrite.REFUSE
    given: Given = NOTHING
    target: str = "standalone"
    tree: Path | None = None


@dataclass(frozen=True)
class Result:
    """What was written, what was proven, and what to look at.

    `not_compared` names the models of the file that were written and not run, because they were not asked for.
    """

    written: tuple[Path, ...]
    classes: tuple[ClassResult, ...]
    notes: tuple[Note, ...]
    seconds: dict[str, float]
    not_compared: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The report."""
        return {
            "schema": SCHEMA,
            "classes": [result.to_json() for result in self.classes],
            "not_compared": list(self.not_compared),
            "notes": [
                {"level": n.level, "file": n.file, "line": n.line, "message": n.message, "hint": n.hint}
                for n in self.notes
            ],
            "seconds": self.seconds,
        }


def run(options: Options) -> Result:
    """Port a model: write its TensorFlow file and test, and compare each class with PyTorch."""
    need("torch", "transformers", "libcst", "jinja2", "ruff", *(("tensorflow",) if options.verify else ()))
    stages = Stages()
    target = target_named(options.target)
    with stages.stage("subject"):
        subject = find_subject(options.name, options.sample, options.classes, options.trust_remote_code, options.given)
        if target.carried:
            check_family(subject)
        if options.tree is not None:
            package = subject.module_name.rpartition(".")[0]
            check_tree(options.tree, package, subject.file, options.overwrite is Overwrite.FORCE)
        check(targets(subject, options.output, target), options.overwrite)
    ported = port(subject, options.output, options.overwrite, stages, target)
    results: tuple[ClassResult, ...] = ()
    conflicts = _conflicts(ported.all_written)
    if options.verify and not conflicts:
        with stages.stage("verify"):
            modeling = import_into_tree(ported.file) if target.carried else import_file(ported.file)
            total = len({model.name for case in subject.cases for model in case.models})
            results = tuple(console.progress(verify(subject, modeling, bool(target.carried)), "verify", total))
    notes = (*conflicts, *told(ported, options.classes), *_unproven(subject))
    return Result(ported.all_written, results, notes, stages.seconds, _not_compared(subject, results))


def _not_compared(subject: Subject, results: tuple[ClassResult, ...]) -> tuple[str, ...]:
    """The models of the file that no result is about; those that PyTorch could not run have a Note each."""
    known = {*subject.failures, *(result.name for result in results)}
    return tuple(name for name in model_classes(importlib.import_module(subject.module_name)) if name not in known)


def _unproven(subject: Subject) -> list[Note]:
    """A Note for each class that PyTorch itself could not run here."""
    hint, file = "give a configuration and inputs with --sample", subject.file.name
    lines = {node.name: node.lineno for node in ast.parse(subject.source).body if isinstance(node, ast.ClassDef)}
    return [
        Note(lines.get(name, 0), "left", f"{name} is not proven: {why}", hint, file)
        for name, why in subject.failures.items()
    ]


def _conflicts(written: Iterable[Path]) -> list[Note]:
    """A Note for each file in which changes by hand and porter's own stand at the same place."""
    message, hint = "changes by hand and porter's meet here; nothing was compared", "choose between the two texts"
    lines = {path: first_conflict(path) for path in written}
    return [Note(line, "left", message, hint, path.name) for path, line in lines.items() if line]
