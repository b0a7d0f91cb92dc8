"""Imports: the original's own that are still read, the target's modules, the runtime's names; and their guards."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Sequence

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import PORTABLE_LIBRARIES, Context, tf_name
from porter.rewrite.reading.names_read import names_read
from porter.rewrite.targets import Target
from porter.rulebook.call import code_of

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
Import = cst.Import | cst.ImportFrom
# Modules of PyTorch layers -> those of the same library with Keras layers of the same names.
_TWINS = {"einops.layers.torch": "einops.layers.tensorflow"}
_FOREIGN = ("torch", "transformers", "accelerate", "deepspeed", "peft", "kernels")
_AVAILABLE = re.compile(r"is_\w+_available")
_OF_IMPORTS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def import_lines(context: Context, read: frozenset[str], target: Target) -> Iterator[str]:
    """The import lines at the top of the port, for the names that it reads."""
    own = dict(_original_imports(context))
    classes = context.source.classes
    defined = {*classes, *map(tf_name, classes), *context.source.functions}
    runtime: list[str] = []
    beside = {name: port.file for port in context.knowledge.nested.values() for name in (port.layer, port.name)}
    for name in sorted(read):
        if name in target.modules:
            yield target.modules[name]
        elif name in defined:
            continue
        elif name in target.exports and not _is_portable(own.get(name, "")):
            runtime.append(name)
        elif name in beside:
            runtime.append("import_beside")
            yield f'{name} = import_beside(__file__, "{beside[name]}").{name}'
        elif name in own:
            line = _kept_import(context, name, own[name])
            if line is not None:
                runtime += ["import_beside"] * (" = import_beside(" in line)
                yield line
    if runtime:
        yield f"from {target.runtime} import {', '.join(dict.fromkeys(runtime))}"


def _is_portable(line: str) -> bool:
    """Whether an import is of a library that takes TensorFlow's tensors too."""
    return bool(line) and line.split()[1].partition(".")[0] in PORTABLE_LIBRARIES


def aliased_import_lines(context: Context, read: frozenset[str], target: Target) -> Iterator[str]:
    """The imports of the runtime's names that the port reads by another name."""
    for name in sorted(context.clashes):
        alias = context.runtime_name(name)
        if alias in read:
            yield f"from {target.runtime} import {name} as {alias}"


def is_import(statement: cst.CSTNode) -> bool:
    """Whether a statement of the module is an import, without a guard."""
    return m.matches(statement, m.SimpleStatementLine(body=[m.OneOf(m.Import(), m.ImportFrom())]))


def without_foreign_imports(context: Context, body: Sequence[Statement], target: Target) -> Iterator[Statement]:
    """The statements of a module, each guard around an import as what is left of it without PyTorch's.

    `try` around an import that TensorFlow does not have is what its handler does, `if` around one is its `else`.
    A guard stays around what else it guards; one around names that nothing reads goes with them.
    """
    read = names_read(cst.Module([statement for statement in body if not _is_guard(statement)]))
    provided = {name for port in context.knowledge.nested.values() for name in (port.layer, port.name)}
    wanted = read - target.exports - target.modules.keys() - provided
    for statement in body:
        if isinstance(statement, (cst.If, cst.Try)) and _imports_in(statement):
            yield from _guarded(context, statement, wanted)
        else:
            yield statement


def _is_guard(statement: cst.CSTNode) -> bool:
    return isinstance(statement, (cst.If, cst.Try)) and bool(_imports_in(statement))


def _imports_in(node: cst.CSTNode) -> list[Import]:
    found = m.findall(node, m.OneOf(m.Import(), m.ImportFrom()))
    return [one for one in found if isinstance(one, (cst.Import, cst.ImportFrom))]


def _guarded(context: Context, guard: cst.If | cst.Try, read: frozenset[str]) -> Iterator[Statement]:
    names = [pair for node in _imports_in(guard.body) for pair in _names(context, node)]
    if not _only_imports(guard.body):  # what else stands there says whether the import succeeded
        read |= {name for name, _ in names}
    if any(_kept_import(context, name, line) is None for name, line in names if name in read):
        yield from _otherwise(context, guard, read)
        return
    kept = guard.visit(_Imports(context, read))
    if isinstance(kept, (cst.If, cst.Try)) and not all(_is_pass(statement) for statement in kept.body.body):
        yield kept


def _only_imports(block: cst.BaseSuite) -> bool:
    return all(is_import(statement) or _is_pass(statement) for statement in block.body)


def _is_pass(statement: cst.CSTNode) -> bool:
    return m.matches(statement, m.SimpleStatementLine(body=[m.Pass()]))


def _otherwise(context: Context, guard: cst.If | cst.Try, read: frozenset[str]) -> Iterator[Statement]:
    """The statements that run where what a guard imports is not there."""
    blocks: list[cst.BaseSuite] = []
    if isinstance(guard, cst.Try):
        blocks = [handler.body for handler in guard.handlers if _catches_imports(handler)][:1]
        blocks += [guard.finalbody.body] if guard.finalbody is not None else []
    elif isinstance(guard.orelse, cst.If):
        yield from _guarded(context, guard.orelse, read)
    elif guard.orelse is not None:
        blocks = [guard.orelse.body]
    for statement in (statement for block in blocks for statement in block.body):
        if isinstance(statement, Statement) and not is_import(statement) and not _is_pass(statement):
            yield statement


def _catches_imports(handler: cst.ExceptHandler) -> bool:
    return handler.type is None or bool(_OF_IMPORTS & names_read(cst.Module([_as_line(handler.type)])))


def _as_line(node: cst.BaseExpression) -> cst.SimpleStatementLine:
    return cst.SimpleStatementLine([cst.Expr(node)])


class _Imports(cst.CSTTransformer):
    """Leaves the imports of names that are read, each as the port writes it."""

    def __init__(self, context: Context, read: frozenset[str]) -> None:
        super().__init__()
        self.context = context
        self.read = read

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
        if not is_import(original_node):
            return updated_node
        node = cst.ensure_type(original_node.body[0], type(original_node.body[0]))
        assert isinstance(node, (cst.Import, cst.ImportFrom))
        found = [
            _kept_import(self.context, name, line) for name, line in _names(self.context, node) if name in self.read
        ]
        lines = [cst.parse_statement(line) for line in found if line is not None]
        if not lines:
            return cst.RemoveFromParent()
        first = lines[0].with_changes(leading_lines=original_node.leading_lines)
        return cst.FlattenSentinel([first, *lines[1:]])

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        return updated_node if updated_node.body else updated_node.with_changes(body=[cst.parse_statement("pass")])


def _original_imports(context: Context) -> Iterator[tuple[str, str]]:
    """Imported name -> the line that imports it alone, absolute; a guard keeps the imports in it to itself."""
    for statement in context.source.tree.body:
        if not _is_guard(statement):
            for node in context.source.find(statement, cst.Import, cst.ImportFrom):
                assert isinstance(node, (cst.Import, cst.ImportFrom))
                yield from _names(context, node)


def _names(context: Context, node: Import) -> Iterator[tuple[str, str]]:
    package = context.source.module.__package__ or ""
    if isinstance(node, cst.Import):
        for alias in node.names:
            name = code_of(alias.asname.name) if alias.asname else code_of(alias.name).partition(".")[0]
            yield name, f"import {code_of(alias).rstrip(', ')}"
        return
    module = _absolute(package, len(node.relative), code_of(node.module) if node.module else "")
    if isinstance(node.names, cst.ImportStar):
        yield from ((name, f"from {module} import {name}") for name in vars(sys.modules.get(module, object)))
        return
    for alias in node.names:
        name = code_of(alias.asname.name) if alias.asname else code_of(alias.name)
        yield name, f"from {module} import {code_of(alias.name)}" + (f" as {name}" if alias.asname else "")


def _absolute(package: str, dots: int, module: str) -> str:
    if not dots:
        return module
    parts = package.split(".")
    base = parts[: len(parts) - dots + 1]
    return ".".join([*base, module] if module else base)


def _kept_import(context: Context, name: str, line: str) -> str | None:
    """The import of a name the port still reads; configuration classes come from where users have them.

    None for what belongs to PyTorch: nothing defines the name then, which `importable` says where it is read.
    """
    module = line.split()[1]
    written = getattr(getattr(context.source.module, name, None), "__module__", "")
    if module == "transformers" and ".configuration_" in written:
        module = written
    if ".configuration_" in module or module.startswith("configuration_"):
        if module.startswith("transformers."):
            return f"from {module} import {name}"
        return f'{name} = import_beside(__file__, "{module.rpartition(".")[2]}").{name}'
    beside = _from_beside(context, name, line)
    if beside is not None:
        return beside
    if name == "logging" and module.startswith("transformers.utils"):
        return "from transformers.utils import logging"
    if _AVAILABLE.fullmatch(name) and module.startswith("transformers.utils"):
        return f"from transformers.utils import {name}"
    line = line.replace(module, _TWINS.get(module, module), 1)
    return None if module.partition(".")[0] in _FOREIGN else line


def _from_beside(context: Context, name: str, line: str) -> str | None:
    """The import of a constant or of a whole module from the port of a file beside."""
    files = context.knowledge.beside
    value = getattr(context.source.module, name, None)
    if inspect.ismodule(value) and value.__name__ in files:
        return f'{name} = import_beside(__file__, "{files[value.__name__]}")'
    module = line.split()[1]
    if module not in files or not line.startswith("from "):
        return None
    return f'{name} = import_beside(__file__, "{files[module]}").{line.split()[3]}'
