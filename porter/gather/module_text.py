"""One module as its text shows it: what it defines, what it imports, and where its own names are used."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import libcst as cst
from libcst.metadata import Assignment, BaseAssignment, BuiltinScope, GlobalScope, MetadataWrapper, ScopeProvider

from porter.rulebook.call import code_of

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement


@dataclass(frozen=True)
class Import:
    """Where an imported name comes from: the module, and its name there; empty for the module itself."""

    module: str
    name: str

    def line(self, bound: str) -> str:
        """The import of this alone, under the name that it is bound to."""
        if not self.name:
            return f"import {self.module}" + (f" as {bound}" if bound != self.module.partition(".")[0] else "")
        return f"from {self.module} import {self.name}" + (f" as {bound}" if bound != self.name else "")


@dataclass(frozen=True)
class ModuleText:
    """A module's statements.

    Attributes:
        name: dotted.
        file: where it stands.
    """

    name: str
    file: Path

    @cached_property
    def _tree(self) -> MetadataWrapper:
        return MetadataWrapper(cst.parse_module(self.file.read_text(encoding="utf-8")), unsafe_skip_copy=True)

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The statements, in order."""
        return tuple(self._tree.module.body)

    @cached_property
    def defined(self) -> Mapping[str, int]:
        """The place of the statement that defines each name."""
        return {name: at for at, statement in enumerate(self.statements) for name in _names_of(statement)}

    @cached_property
    def imported(self) -> Mapping[str, Import]:
        """What each imported name is, those that functions import included."""
        collector = _Imports()
        self._tree.module.visit(collector)
        return collector.found

    @cached_property
    def _assignments(self) -> tuple[Assignment, ...]:
        scopes = [scope for scope in set(self._tree.resolve(ScopeProvider).values()) if isinstance(scope, GlobalScope)]
        return tuple(each for scope in scopes for each in scope.assignments if isinstance(each, Assignment))

    @cached_property
    def _globals(self) -> Mapping[str, set[cst.CSTNode]]:
        found: dict[str, set[cst.CSTNode]] = {}
        for assignment in self._assignments:
            nodes = found.setdefault(assignment.name, set())
            nodes.add(getattr(assignment.node, "name", assignment.node))
            nodes.update(access.node for access in assignment.references)
        return found

    def hidden(self, at: int, names: Mapping[str, str]) -> str | None:
        """The first of the new names that a variable of the statement's own has where it is read; None without one."""
        collector = _Below()
        self.statements[at].visit(collector)
        for assignment in self._assignments:
            new = names.get(assignment.name)
            reads = (access for access in assignment.references if access.node in collector.nodes)
            if new is not None and any(_is_own(found) for read in reads for found in read.scope[new]):
                return new
        return None

    def members_read(self, at: int, name: str) -> frozenset[str]:
        """What a statement reads of a whole module that is imported by this name; `""` for the module itself."""
        collector = _Members(self._globals.get(name, set()))
        self.statements[at].visit(collector)
        return frozenset(collector.found)

    def renamed(self, at: int, names: Mapping[str, str]) -> Statement:
        """A statement with other names for what the module defines or imports; variables keep theirs.

        A name with a dot is a member of a module that is imported as a whole.
        """
        nodes = {node: new for old, new in names.items() for node in self._globals.get(old, ())}
        owners = {old.partition(".")[0] for old in names if "." in old}
        members = {node: owner for owner in owners for node in self._globals.get(owner, ())}
        changed = self.statements[at].visit(_Renamed(nodes, members, names)) if names else self.statements[at]
        assert isinstance(changed, Statement)
        return changed


class _Below(cst.CSTVisitor):
    """Every node of a statement."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes: set[cst.CSTNode] = set()

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Keep it, and look below."""
        self.nodes.add(node)
        return True


def _is_own(found: BaseAssignment) -> bool:
    """Whether a name stands for a variable of a function, not for what the module or Python defines."""
    return not isinstance(found.scope, GlobalScope | BuiltinScope)


def _names_of(statement: Statement) -> Iterator[str]:
    """What a statement of a module defines."""
    if isinstance(statement, cst.FunctionDef | cst.ClassDef):
        yield statement.name.value
    elif isinstance(statement, cst.SimpleStatementLine):
        for part in statement.body:
            targets = [target.target for target in part.targets] if isinstance(part, cst.Assign) else []
            targets += [part.target] if isinstance(part, cst.AnnAssign) else []
            yield from (name for target in targets for name in _assigned(target))


def _assigned(target: cst.BaseExpression) -> Iterator[str]:
    if isinstance(target, cst.Name):
        yield target.value
    elif isinstance(target, cst.Tuple):
        yield from (name for element in target.elements for name in _assigned(element.value))


class _Imports(cst.CSTVisitor):
    def __init__(self) -> None:
        self.found: dict[str, Import] = {}

    def visit_Import(self, node: cst.Import) -> None:
        for alias in node.names:
            module = code_of(alias.name)
            bound = code_of(alias.asname.name) if alias.asname else module.partition(".")[0]
            self.found[bound] = Import(module, "")

    def visit_ImportFrom(self, node: cst.ImportFrom) -> None:
        assert node.module is not None and not isinstance(node.names, cst.ImportStar)
        for alias in node.names:
            bound = code_of(alias.asname.name) if alias.asname else code_of(alias.name)
            self.found[bound] = Import(code_of(node.module), code_of(alias.name))


class _Members(cst.CSTVisitor):
    def __init__(self, modules: Collection[cst.CSTNode]) -> None:
        self.modules = modules
        self.found: set[str] = set()

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        if node.value not in self.modules:
            node.value.visit(self)
        else:
            self.found.add(node.attr.value)
        return False

    def visit_Name(self, node: cst.Name) -> None:
        if node in self.modules:
            self.found.add("")


class _Renamed(cst.CSTTransformer):
    def __init__(
        self, nodes: Mapping[cst.CSTNode, str], modules: Mapping[cst.CSTNode, str], names: Mapping[str, str]
    ) -> None:
        self.nodes = nodes
        self.modules = modules
        self.names = names

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:
        owner = self.modules.get(original_node.value)
        new = self.names.get(f"{owner}.{original_node.attr.value}")
        return updated_node if new is None else cst.Name(new, updated_node.lpar, updated_node.rpar)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        new = self.nodes.get(original_node)
        return updated_node if new is None else updated_node.with_changes(value=new)
