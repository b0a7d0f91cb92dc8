"""One subject becomes files: its own, and those of the models inside it and of the files beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from porter.base.errors import PorterError
from porter.base.stages import Stages
from porter.facts import Facts
from porter.port.definitions import ported_definitions
from porter.port.handwork import Overwrite
from porter.port.in_tree import check_stands_alone
from porter.port.inside import Family, failed_note, families, family_subject, used_note
from porter.port.write import write
from porter.rewrite import Draft, NestedPort, Note, rewrite
from porter.rewrite.targets import Target, standalone
from porter.runtime.model.beside import file_with
from porter.subject import Subject
from porter.subject.siblings import siblings
from porter.trace import trace


@dataclass(frozen=True)
class Port:
    """What was written for one subject.

    Attributes:
        subject: what was ported.
        draft: its TensorFlow code.
        written: its own files, the modeling file first.
        notes: what there is to look at in its modeling file.
        parts: the ports of the files that its file imports.
    """

    subject: Subject
    draft: Draft
    written: tuple[Path, ...]
    notes: tuple[Note, ...]
    parts: tuple[Port, ...] = ()

    @property
    def file(self) -> Path:
        """The modeling file."""
        return self.written[0]

    def whole(self) -> Iterator[Port]:
        """This port, and below it those of all its parts."""
        yield self
        for part in self.parts:
            yield from part.whole()

    @property
    def all_written(self) -> tuple[Path, ...]:
        """The files of the whole."""
        return tuple(dict.fromkeys(file for one in self.whole() for file in one.written))

    @property
    def all_notes(self) -> tuple[Note, ...]:
        """The Notes of the whole, this port's first."""
        return tuple(dict.fromkeys(note for one in self.whole() for note in one.notes))


def port(
    subject: Subject,
    output: Path,
    overwrite: Overwrite = Overwrite.REFUSE,
    stages: Stages | None = None,
    target: Target | None = None,
) -> Port:
    """Run a subject, write its TensorFlow file, and before it those of what it holds and imports, to one folder.

    Models of other families that it holds are ported as they are used in it, unless a file of the folder has them;
    files beside it, modules of the user's own package, are ported each under its own name.

    Args:
        subject: the PyTorch file, and on what it is run.
        output: folder of the ports.
        overwrite: what is done with files there that were changed by hand.
        stages: where the seconds of the stages are kept.
        target: what the files build on; None for porter's runtime.

    Raises:
        UsageError: PyTorch can run none of the subject's models, a file of the folder was changed by hand, or the
            target does not have what the file uses.
    """
    stages = stages or Stages()
    folder = _Folder(output, overwrite, target or standalone())
    with stages.stage("trace"):
        facts = trace(subject)
    if folder.target.carried:
        check_stands_alone(subject, facts)
    with stages.stage("parts") if siblings(subject) or families(subject, facts) else nullcontext():
        parts = folder.parts(subject, facts)
    with stages.stage("rewrite"):
        draft = folder.draft(subject, facts, parts)
    with stages.stage("write"):
        return folder.written(subject, draft, parts)


@dataclass(frozen=True)
class _Parts:
    """The ports that a file needs, what it can name of them, and what there is to say about them."""

    ports: tuple[Port, ...]
    names: Mapping[str, NestedPort]
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class _Folder:
    """The folder of the ports; `files` are those whose port has begun, by the names of PyTorch's modules."""

    output: Path
    overwrite: Overwrite
    target: Target
    files: dict[str, Path | None] = field(default_factory=dict)

    def port(self, subject: Subject, facts: Facts) -> Port:
        """The port of what was run, after those of its parts."""
        parts = self.parts(subject, facts)
        return self.written(subject, self.draft(subject, facts, parts), parts)

    def parts(self, subject: Subject, facts: Facts) -> _Parts:
        """The files beside a subject, and the families it needs, as far as they are not begun or written yet."""
        self.files[subject.module_name] = None
        ports: list[Port] = []
        names: dict[str, NestedPort] = {}
        notes: list[Note] = []
        for sibling in siblings(subject):
            if sibling.module_name not in self.files:
                ports.append(self.port(sibling, replace(facts.beside[sibling.module_name], beside=facts.beside)))
            names |= self._names(sibling.module_name)
        for family in families(subject, facts):
            try:
                ports += self._family(family)
            except PorterError as error:
                notes.append(failed_note(subject, family, error))
            found = {**self._names(family.module), **_found(self.output, family)}
            notes += [used_note(subject, family, model.class_name, found[model.name]) for model in family.models
                      if model.name in found]  # fmt: skip
            names |= found
        return _Parts(tuple(ports), names, tuple(dict.fromkeys(notes)))

    def draft(self, subject: Subject, facts: Facts, parts: _Parts) -> Draft:
        """The subject's TensorFlow code."""
        stems = {module: file.stem for module, file in self.files.items() if file is not None}
        return rewrite(subject, facts, self.target, parts.names, stems)

    def written(self, subject: Subject, draft: Draft, parts: _Parts) -> Port:
        """The subject's files, written."""
        files = tuple(write(subject, draft, self.output, self.overwrite, self.target))
        self.files[subject.module_name] = files[0]
        return Port(subject, draft, files, (*draft.notes, *parts.notes), parts.ports)

    def _family(self, family: Family) -> Iterator[Port]:
        """The port of a family's file, unless the folder has all that is needed of it."""
        if family.module not in self.files and not all(_is_there(self.output, name) for name in family.names):
            subject = family_subject(family)
            yield self.port(subject, trace(subject))

    def _names(self, module: str) -> dict[str, NestedPort]:
        """What can be named of a file that was written here, by canonical names."""
        file = self.files.get(module)
        definitions = ported_definitions(file) if file is not None else {}
        return {f"{module}.{name}": found for name, found in definitions.items()}


def _is_there(folder: Path, torch_class: str) -> bool:
    return file_with(folder, torch_class) is not None


def _found(folder: Path, family: Family) -> dict[str, NestedPort]:
    """The ports of a family's classes among the files of a folder, as their texts say."""
    files = {name: file for name in family.names if (file := file_with(folder, name)) is not None}
    return {f"{family.module}.{name}": ported_definitions(file)[name] for name, file in files.items()}
