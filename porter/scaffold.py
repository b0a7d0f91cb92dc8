"""`porter scaffold`: subject, trace, rewrite, write, verify."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from porter import __version__, console, files
from porter.port_source import import_file
from porter.render import render
from porter.rewrite import Draft, Note, rewrite
from porter.rewrite.format import shared_findings
from porter.subject import Subject, find_subject
from porter.targets import standalone
from porter.trace import trace
from porter.verify import ClassResult, verify

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


@dataclass(frozen=True)
class Result:
    """What was written, what was proven, and what to look at."""

    written: tuple[Path, ...]
    classes: tuple[ClassResult, ...]
    notes: tuple[Note, ...]
    seconds: dict[str, float]

    def to_json(self) -> dict[str, object]:
        """The report."""
        return {
            "schema": SCHEMA,
            "classes": [result.to_json() for result in self.classes],
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
    clock = _Clock()
    with clock.stage("subject"):
        subject = find_subject(options.name, options.sample, options.classes, options.trust_remote_code)
    with clock.stage("trace"):
        facts = trace(subject)
    with clock.stage("rewrite"):
        draft = rewrite(subject, facts, standalone())
    with clock.stage("write"):
        written = write(subject, draft, options.output)
    results: tuple[ClassResult, ...] = ()
    if options.verify:
        with clock.stage("verify"):
            modeling = import_file(written[0])
            total = len({model.name for case in subject.cases for model in case.models})
            results = tuple(console.progress(verify(subject, modeling), "verify", total))
    return Result(tuple(written), results, _notes(subject, draft), clock.seconds)


def _notes(subject: Subject, draft: Draft) -> tuple[Note, ...]:
    """The draft's Notes, and one for each class that PyTorch itself could not run here."""
    hint, file = "give a configuration and inputs with --sample", subject.file.name
    unproven = [(f"{name} is not proven: {reason}") for name, reason in subject.failures.items()]
    return (*draft.notes, *(Note(0, "left", message, hint, file) for message in unproven))


def write(subject: Subject, draft: Draft, output: Path) -> list[Path]:
    """Write the modeling file, its test, and the configuration file that a model outside transformers needs."""
    name = subject.name.replace("-", "_")
    modeling, test = output / f"modeling_tf_{name}.py", output / f"test_modeling_tf_{name}.py"
    files.write_text(modeling, _with_header(subject, draft.code))
    text = render(
        "test_modeling_tf.py.j2",
        modeling_file=modeling.name,
        module_name=subject.module_name,
        version=__version__,
        cases=subject.cases,
    )
    files.write_text(test, text)
    written = [modeling, test]
    if not subject.module_name.startswith("transformers."):
        for file in sorted(subject.file.parent.glob("configuration_*.py")):
            if file.parent.resolve() != output.resolve():
                shutil.copyfile(file, output / file.name)
                written.append(output / file.name)
    return written


def _with_header(subject: Subject, code: str) -> str:
    """The licence of the original stays on top; below it stands who wrote the file from what."""
    lines = code.splitlines(keepends=True)
    count = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    of_transformers = subject.module_name.startswith("transformers.")
    header = render(
        "file_header.py.j2",
        licence="".join(lines[:count]).rstrip("\n"),
        version=__version__,
        source_name=subject.file.name,
        framework=f"transformers {version('transformers')}" if of_transformers else None,
        style=", ".join(shared_findings(code, subject.source)),
    )
    return header.rstrip("\n") + "\n" + "".join(lines[count:])
