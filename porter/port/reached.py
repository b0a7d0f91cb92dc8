"""What of a port the classes that were asked for can come by: lines left elsewhere are told, and do not count."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from porter.port.port import Port
from porter.rewrite import Note

Place = tuple[str, str]  # the stem of a ported file, and the name of a class or function of it
MODULE = ""  # what stands for the statements of a file that run when it is imported


def told(port: Port, classes: Sequence[str]) -> tuple[Note, ...]:
    """The Notes of a whole port. A line left in code that none of the classes reaches is `assumed`, and says so.

    Args:
        port: the port, with those of its parts.
        classes: PyTorch's names of the classes that were asked for; all of the file where there are none.
    """
    files = {one.file.stem: _File.of(one) for one in port.whole()}
    main = files[port.file.stem]
    asked = [name for name in main.definitions if _torch_name(name) in classes]
    reached = _reached(files, [(port.file.stem, name) for name in (asked or main.definitions)])
    notes = [_told(note, files[one.file.stem], reached) for one in port.whole() for note in one.notes]
    return tuple(dict.fromkeys(notes))


@dataclass(frozen=True)
class _File:
    """A ported file.

    Attributes:
        stem: its name.
        definitions: the names that each of its classes and functions reads; `MODULE` has those of all else.
        imports: the names that it has from files beside it, and where they are defined.
        lines: where PyTorch's classes and functions stand, by name.
    """

    stem: str
    definitions: Mapping[str, frozenset[str]]
    imports: Mapping[str, Place]
    lines: Mapping[str, range]

    @classmethod
    def of(cls, port: Port) -> _File:
        """What the texts of a port say."""
        tree, original = ast.parse(port.draft.code), ast.parse(port.subject.source)
        imports = dict(_imports(tree))
        loose = [node for node in tree.body if not isinstance(node, _DEFINITIONS)]
        definitions = {node.name: _names(node) for node in tree.body if isinstance(node, _DEFINITIONS)}
        read = frozenset(name for node in loose for name in _names(node)) - set(imports)
        lines = {
            node.name: range(min([node.lineno, *(d.lineno for d in node.decorator_list)]), (node.end_lineno or 0) + 1)
            for node in original.body
            if isinstance(node, _DEFINITIONS)
        }
        return cls(port.file.stem, {MODULE: read, **definitions}, imports, lines)


_DEFINITIONS = (ast.ClassDef, ast.FunctionDef)


def _names(node: ast.AST) -> frozenset[str]:
    return frozenset(each.id for each in ast.walk(node) if isinstance(each, ast.Name))


def _imports(tree: ast.Module) -> Iterator[tuple[str, Place]]:
    """`name = import_beside(__file__, "modeling_tf_parts").name`; of a whole module everything is meant."""
    for node in tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        called = node.value.value if isinstance(node.value, ast.Attribute) else node.value
        if isinstance(called, ast.Call) and ast.unparse(called.func).endswith("import_beside"):
            stem = ast.literal_eval(called.args[1])
            yield node.targets[0].id, (stem, node.value.attr if isinstance(node.value, ast.Attribute) else "*")


def _reached(files: Mapping[str, _File], start: Sequence[Place]) -> frozenset[Place]:
    found: set[Place] = set()
    waiting = [*start]
    while waiting:
        place = waiting.pop()
        stem, name = place
        if place in found or stem not in files:
            continue
        found.add(place)
        file = files[stem]
        waiting.append((stem, MODULE))
        if name == "*":
            waiting += [(stem, each) for each in file.definitions]
        for read in file.definitions.get(name, ()):
            if read in file.definitions:
                waiting.append((stem, read))
            elif read in file.imports:
                waiting.append(file.imports[read])
    return frozenset(found)


def _told(note: Note, file: _File, reached: frozenset[Place]) -> Note:
    owner = next((name for name, lines in file.lines.items() if note.line in lines), None)
    if note.level != "left" or owner is None:
        return note
    if any(stem == file.stem and _torch_name(name) == owner for stem, name in reached):
        return note
    return replace(note, level="assumed", message=f"{note.message.rstrip('.')}; what was asked for does not reach it.")


def _torch_name(name: str) -> str:
    """PyTorch's name of a definition of a port: classes have TF before it, main layers more behind."""
    return name.removeprefix("TF").removesuffix("MainLayer")
