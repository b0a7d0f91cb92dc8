"""The walk from a few wanted definitions to all that they need, and the text that holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import libcst as cst

from porter.base.errors import PorterError
from porter.gather.module_text import ModuleText, Statement
from porter.rewrite.reading.names_read import names_read
from porter.rulebook.call import code_of

Place = tuple[str, int]


class CannotGather(PorterError):
    """What a definition needs cannot be told from its text."""


@dataclass(frozen=True)
class Library:
    """The package that is gathered from.

    Attributes:
        name: its dotted name.
        folder: where it stands.
        given: import lines of what the text takes from elsewhere, by bare name.
        stand_ins: modules whose definitions stand in for those of the same name.
        entries: which keys a table keeps, by its name; a table that is not named here is taken whole.
    """

    name: str
    folder: Path
    given: Mapping[str, str] = field(default_factory=dict)
    stand_ins: tuple[ModuleText, ...] = ()
    entries: Mapping[str, Callable[[str], bool]] = field(default_factory=dict)
    modules: dict[str, ModuleText] = field(default_factory=dict)

    def module(self, name: str) -> ModuleText:
        """A module of the package, by its dotted name."""
        if name not in self.modules:
            path = self.folder.joinpath(*name.removeprefix(self.name).strip(".").split("."))
            file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            self.modules[name] = ModuleText(name, file)
        return self.modules[name]

    def shortened(self, module: ModuleText, at: int, statement: Statement) -> Statement:
        """A statement of a module without the entries of its table that are not wanted."""
        kept = [self.entries[name] for name, place in module.defined.items() if place == at and name in self.entries]
        return statement.visit(_Entries(kept[0])) if kept else statement  # type: ignore[return-value]

    def has_module(self, name: str) -> bool:
        """Whether the package has a module of this name."""
        return name == self.name or name.startswith(f"{self.name}.")

    def imported_module(self, module: ModuleText, name: str) -> ModuleText | None:
        """The module of the package that another one imports as a whole, by this name; None for all else."""
        imported = module.imported.get(name)
        if imported is None or name in self.given or not self.has_module(imported.module):
            return None
        whole = f"{imported.module}.{imported.name}".strip(".")
        file = self.folder.joinpath(*whole.removeprefix(self.name).strip(".").split(".")).with_suffix(".py")
        return self.module(whole) if file.is_file() else None

    def found(self, module: ModuleText, name: str) -> Found:
        """What a name that a module defines or imports is.

        Raises:
            CannotGather: it does neither, or the name is that of a whole module.
        """
        if name in self.given:
            return Found(name, line=self.given[name])
        for each in (*self.stand_ins, module):
            if name in each.defined and (each is module or not name.startswith("_")):
                return Found(name, each, each.defined[name])
        imported = module.imported.get(name)
        if imported is None:
            raise CannotGather(f"{module.file} has no definition of {name}.")
        if not self.has_module(imported.module):
            return Found(name, line=imported.line(name))
        return self.found(self.module(imported.module), imported.name)


@dataclass(frozen=True)
class Found:
    """What a name is: a definition, or what an import line gives."""

    name: str
    module: ModuleText | None = None
    at: int = 0
    line: str = ""

    @property
    def place(self) -> Place:
        """Where it is defined; no module for an import."""
        return ("" if self.module is None else self.module.name, self.at)


@dataclass(frozen=True)
class _Definition:
    """A gathered statement; `needs` are what its names are, `first` those that must stand above it."""

    module: ModuleText
    at: int
    needs: Mapping[str, Found]
    first: frozenset[str]

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.module.name, self.at


def gathered(library: Library, wanted: Iterable[tuple[str, str]]) -> str:
    """The text of the wanted definitions, given as module and name, and of all that they need.

    What is wanted keeps its name; others that two modules have for different things are told apart by the name of
    the module.

    Raises:
        CannotGather: what a definition needs cannot be told from its text.
    """
    waiting = [library.found(library.module(module), name) for module, name in wanted]
    own = {found.place: found.name for found in waiting}
    lines = dict.fromkeys(found.line for found in waiting if found.line)
    definitions: dict[Place, _Definition] = {}
    while waiting:
        found = waiting.pop()
        if found.module is None or found.place in definitions:
            continue
        definition = _definition(library, found.module, found.at)
        definitions[found.place] = definition
        lines |= dict.fromkeys(need.line for need in definition.needs.values() if need.line)
        waiting += definition.needs.values()
    names = _names(definitions.values(), own)
    body = [_renamed(library, definition, names) for definition in _in_order(definitions)]
    header = cst.parse_module("from __future__ import annotations\n" + "\n".join(lines) + "\n")
    return header.with_changes(body=[*header.body, *body]).code


def _definition(library: Library, module: ModuleText, at: int) -> _Definition:
    statement = library.shortened(module, at, module.statements[at])
    collector = _AtOnce()
    statement.visit(collector)
    read = names_read(cst.Module([statement])) & (module.defined.keys() | module.imported.keys())
    needs: dict[str, Found] = {}
    for name in sorted(read):
        whole = library.imported_module(module, name)
        members = () if whole is None else sorted(module.members_read(at, name))
        if whole is not None and all(members):
            needs |= {f"{name}.{member}": library.found(whole, member) for member in members}
        elif module.defined.get(name) != at:
            needs[name] = library.found(module, name)
    return _Definition(module, at, needs, frozenset(collector.names))


class _AtOnce(cst.CSTVisitor):
    """The names that a statement reads when it is run, not those that its functions read when they are called."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        parameters = node.params
        defaults = [each.default for each in (*parameters.params, *parameters.kwonly_params) if each.default]
        for part in (*node.decorators, *defaults):
            part.visit(self)
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        return False

    def visit_Annotation(self, node: cst.Annotation) -> bool:
        return False

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        self.names.add(code_of(node))
        node.value.visit(self)
        return False

    def visit_Name(self, node: cst.Name) -> None:
        self.names.add(node.value)


def _in_order(definitions: Mapping[Place, _Definition]) -> Iterator[_Definition]:
    """The definitions, each after those that it reads when it is run; else in the order of the modules' names."""
    done: set[Place] = set()

    def after_its_needs(place: Place) -> Iterator[_Definition]:
        if place in done:
            return
        done.add(place)
        definition = definitions[place]
        for name, found in definition.needs.items():
            if name in definition.first and found.module is not None:
                yield from after_its_needs(found.place)
        yield definition

    for place in sorted(definitions):
        yield from after_its_needs(place)


def _names(definitions: Iterable[_Definition], wanted: Mapping[Place, str]) -> dict[tuple[Place, str], str]:
    """What each definition is called in the text: its own name, with the module's where another has it too."""
    taken: set[str] = set()
    names: dict[tuple[Place, str], str] = {}
    for each in sorted(definitions, key=lambda one: (one.place not in wanted, one.place)):
        for name in (name for name, at in each.module.defined.items() if at == each.at):
            called = f"{name}_of_{each.module.file.stem}" if name in taken else name
            taken.add(called)
            names[each.place, name] = called
    return names


def _renamed(library: Library, definition: _Definition, names: Mapping[tuple[Place, str], str]) -> Statement:
    """The statement with the names that its own and its needs' definitions have in the text.

    Raises:
        CannotGather: a variable of the statement's own hides one of them.
    """
    own = {name: name for name, at in definition.module.defined.items() if at == definition.at}
    called = {name: names[definition.place, name] for name in own}
    for name, found in definition.needs.items():
        called[name] = found.name if found.module is None else names[found.place, found.name]
    changed = {old: new for old, new in called.items() if old != new}
    hidden = definition.module.hidden(definition.at, changed)
    if hidden is not None:
        raise CannotGather(
            f"{definition.module.file} has a variable {hidden} where it needs what is called so elsewhere."
        )
    renamed = definition.module.renamed(definition.at, changed)
    return library.shortened(definition.module, definition.at, renamed).visit(_WithoutImports())  # type: ignore[return-value]


class _Entries(cst.CSTTransformer):
    """Takes away those entries of a table whose key is a string that is not wanted."""

    def __init__(self, keeps: Callable[[str], bool]) -> None:
        self.keeps = keeps

    def leave_DictElement(
        self, original_node: cst.DictElement, updated_node: cst.DictElement
    ) -> cst.DictElement | cst.RemovalSentinel:
        key = original_node.key
        gone = isinstance(key, cst.SimpleString) and not self.keeps(str(key.evaluated_value))
        return cst.RemoveFromParent() if gone else updated_node


class _WithoutImports(cst.CSTTransformer):
    """Takes away what a function imports: it stands at the top of the text."""

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.RemovalSentinel:
        is_import = isinstance(original_node.body[0], cst.Import | cst.ImportFrom)
        return cst.RemoveFromParent() if is_import else updated_node
