"""The codemod on a fixture: traced, rewritten, written to a folder and imported."""

import ast
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from porter.port.load import import_file
from porter.port.write import write
from porter.rewrite import Draft, rewrite
from porter.rewrite.targets import standalone
from porter.subject import Case, InputSpec, ModelCase, Subject
from porter.trace import trace

PACKAGE = "tests.rewrite.fixtures"


@dataclass(frozen=True)
class Ported:
    """A fixture and what became of it."""

    subject: Subject
    draft: Draft
    file: Path

    def module(self) -> ModuleType:
        return import_file(self.file)

    def text(self, name: str) -> str:
        """The code of a class, or of a method as "TFTinyLayer.call"."""
        return _text(self.draft.code, name)

    def original(self, name: str) -> str:
        return _text(self.subject.source, name)

    def messages(self, level: str) -> list[str]:
        return [note.message for note in self.draft.notes if note.level == level]


def _text(code: str, name: str) -> str:
    node: ast.AST = ast.parse(code)
    for part in name.split("."):
        node = next(n for n in ast.iter_child_nodes(node) if getattr(n, "name", None) == part)
    found = ast.get_source_segment(code, node)
    assert found is not None
    return found


def tiny_subject(name: str, models: tuple[str, ...], config: Mapping[str, object], **shape: int) -> Subject:
    """A fixture as a subject: every model takes token ids, and a mask where it says so."""
    module_name = f"{PACKAGE}.modeling_{name}"
    file = Path(str(importlib.import_module(module_name).__file__))
    size = (shape.get("batch", 2), shape.get("length", 5))
    ids = InputSpec("input_ids", size, "int64", {"kind": "randint", "low": 1, "high": 30})
    mask = InputSpec("attention_mask", size, "int64", {"kind": "randint", "low": 0, "high": 2})
    labels = InputSpec("labels", size, "int64", {"kind": "randint", "low": 0, "high": 30})
    cases = tuple(ModelCase(model, (ids, mask, *([labels] if "For" in model else []))) for model in models)
    case = Case(name, f"{PACKAGE}.configuration_tiny", "TinyConfig", config, (ids, mask), cases)
    return Subject(name, file, file.read_text(encoding="utf-8"), module_name, (case,), {})


def port(subject: Subject, folder: Path) -> Ported:
    """Trace, rewrite and write a subject."""
    draft = rewrite(subject, trace(subject), standalone())
    return Ported(subject, draft, write(subject, draft, folder)[0])
