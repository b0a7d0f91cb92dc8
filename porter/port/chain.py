"""`porter scaffold`: subject, trace, rewrite, write, verify."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from porter.base import console
from porter.base.installed import need
from porter.port.handwork import Overwrite, check, first_conflict
from porter.port.inside import Nested, port_nested
from porter.port.load import import_file
from porter.port.verify import ClassResult, verify
from porter.port.write import targets, write
from porter.rewrite import Draft, Note, rewrite
from porter.rewrite.targets import standalone
from porter.subject import Subject
from porter.subject.find import find_subject
from porter.subject.tiny import model_classes
from porter.trace import trace

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


@dataclass
class _Clock:
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        console.say(f"{name} ...")
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)


def run(options: Options) -> Result:
    """Port a model: write its TensorFlow file and test, and compare each class with PyTorch."""
    need("torch", "transformers", *(("tensorflow",) if options.verify else ()))
    clock = _Clock()
    with clock.stage("subject"):
        subject = find_subject(options.name, options.sample, options.classes, options.trust_remote_code)
        check(targets(subject, options.output), options.overwrite)
    with clock.stage("trace"):
        facts = trace(subject)
    nested = Nested()
    if facts.nested:
        with clock.stage("nested models"):
            nested = port_nested(subject, facts, options.output, options.overwrite)
    with clock.stage("rewrite"):
        draft = rewrite(subject, facts, standalone(), nested.ports)
    with clock.stage("write"):
        written = (*write(subject, draft, options.output, options.overwrite), *nested.written)
    results: tuple[ClassResult, ...] = ()
    conflicts = _conflicts(written)
    if options.verify and not conflicts:
        with clock.stage("verify"):
            modeling = import_file(written[0])
            total = len({model.name for case in subject.cases for model in case.models})
            results = tuple(console.progress(verify(subject, modeling), "verify", total))
    notes = (*conflicts, *_notes(subject, draft), *nested.notes)
    return Result(written, results, notes, clock.seconds, _not_compared(subject, results))


def _not_compared(subject: Subject, results: tuple[ClassResult, ...]) -> tuple[str, ...]:
    """The models of the file that no result is about; those that PyTorch could not run have a Note each."""
    known = {*subject.failures, *(result.name for result in results)}
    return tuple(name for name in model_classes(importlib.import_module(subject.module_name)) if name not in known)


def _notes(subject: Subject, draft: Draft) -> tuple[Note, ...]:
    """The draft's Notes, and one for each class that PyTorch itself could not run here."""
    hint, file = "give a configuration and inputs with --sample", subject.file.name
    unproven = [(f"{name} is not proven: {reason}") for name, reason in subject.failures.items()]
    return (*draft.notes, *(Note(0, "left", message, hint, file) for message in unproven))


def _conflicts(written: Iterable[Path]) -> list[Note]:
    """A Note for each file in which changes by hand and porter's own stand at the same place."""
    message, hint = "changes by hand and porter's meet here; nothing was compared", "choose between the two texts"
    lines = {path: first_conflict(path) for path in written}
    return [Note(line, "left", message, hint, path.name) for path, line in lines.items() if line]
