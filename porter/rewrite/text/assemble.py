"""From the rewritten tree to the finished text: imports, header, names that nothing reads any more."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Sequence

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import OWN, Context, tf_name
from porter.rewrite.expressions.annotations import port_docstring
from porter.rewrite.reading.names_read import names_read
from porter.rewrite.targets import Target
from porter.rulebook.call import code_of

_FOREIGN = ("torch", "transformers", "accelerate", "deepspeed", "peft", "kernels")


def assemble(context: Context, tree: cst.Module, target: Target) -> cst.Module:
    """The module with TensorFlow's imports in place of PyTorch's."""
    kept = [s for s in tree.body if not _is_import(s) and not _is_torch_only(s)]
    ported = _without_orphans(context, [_port_all(context, statement) for statement in kept])
    module = tree.with_changes(body=ported).visit(_Aliased(context))
    read = names_read(module)
    imports = [*_imports(context, read, target), *_aliased_imports(context, read, target)]
    imports.sort(key=lambda line: " = " in line)  # assignments stand below the imports that they need
    statements = [cst.parse_statement(line) for line in ("from __future__ import annotations", *imports)]
    docstring, body = _split_docstring(context, module.body)
    return module.with_changes(body=[*docstring, *statements, *body])


Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement


def _split_docstring(context: Context, body: Sequence[Statement]) -> tuple[Sequence[Statement], Sequence[Statement]]:
    """The module's docstring, ported, and the statements below it."""
    if not body or not m.matches(body[0], m.SimpleStatementLine(body=[m.Expr(value=m.SimpleString())])):
        return [], body
    line = body[0]
    assert isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], cst.Expr)
    string = line.body[0].value
    assert isinstance(string, cst.SimpleString)
    text = port_docstring(context, string.value).replace("PyTorch", "TensorFlow")
    return [line.with_changes(body=[cst.Expr(string.with_changes(value=text))])], body[1:]


def _without_orphans(context: Context, body: list[Statement]) -> list[Statement]:
    """Without the functions that only what has no place in the port has called, such as `_init_weights`."""
    while True:
        read = names_read(cst.Module(body))
        orphans = {
            statement.name.value
            for statement in body
            if isinstance(statement, cst.FunctionDef) and _is_orphan(context, statement, read)
        }
        if not orphans:
            return body
        body = list(_dropping(body, orphans))


def _dropping(body: Sequence[Statement], names: set[str]) -> Iterator[Statement]:
    """The statements without these functions; a comment that a blank line separates from them is not theirs."""
    carried: list[cst.EmptyLine] = []
    for statement in body:
        lines = [*carried, *statement.leading_lines]
        if isinstance(statement, cst.FunctionDef) and statement.name.value in names:
            blank = max((at + 1 for at, line in enumerate(lines) if line.comment is None), default=0)
            carried = lines[:blank] if any(line.comment for line in lines[:blank]) else []
        else:
            yield statement.with_changes(leading_lines=lines)
            carried = []


def _is_orphan(context: Context, function: cst.FunctionDef, read: frozenset[str]) -> bool:
    name = function.name.value
    original = context.source.functions.get(name)
    exported = not name.startswith("_") and name in getattr(context.source.module, "__all__", ())
    if name in read or name + OWN in read or original is None or exported:
        return False
    start, end = context.source.span(original.node).line, context.source.span(original.node).end_line
    uses = [n for n in context.source.find(context.source.tree, cst.Name) if n.value == name]
    return any(not start <= context.source.line(node) <= end for node in uses)


class _Aliased(cst.CSTTransformer):
    """Calls the runtime's functions by an alias where a variable has their name."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        function = updated_node.func
        if isinstance(function, cst.Name) and function.value.endswith(OWN):
            return updated_node.with_changes(func=cst.Name(function.value.removesuffix(OWN)))
        if isinstance(function, cst.Name) and function.value in self.context.clashes:
            return updated_node.with_changes(func=cst.Name(self.context.runtime_name(function.value)))
        return updated_node


def _aliased_imports(context: Context, read: frozenset[str], target: Target) -> Iterator[str]:
    for name in sorted(context.clashes):
        alias = context.runtime_name(name)
        if alias in read:
            yield f"from {target.runtime} import {name} as {alias}"


def _is_import(statement: cst.CSTNode) -> bool:
    if m.matches(statement, m.SimpleStatementLine(body=[m.OneOf(m.Import(), m.ImportFrom())])):
        return True
    only_imports = isinstance(statement, (cst.If, cst.Try)) and all(
        _is_import(inner) or m.matches(inner, m.SimpleStatementLine(body=[m.Pass()])) or _is_none_assignment(inner)
        for inner in statement.body.body
    )
    return only_imports


def _is_none_assignment(statement: cst.CSTNode) -> bool:
    return m.matches(statement, m.SimpleStatementLine(body=[m.Assign(value=m.Name("None"))]))


def _is_torch_only(statement: cst.CSTNode) -> bool:
    """Module-level lines that still read torch, such as `torch.fx.wrap(...)`."""
    if not m.matches(statement, m.SimpleStatementLine(body=[m.Expr(value=m.Call())])):
        return False
    return code_of(statement).lstrip().startswith(("torch.", "nn."))


def _port_all(context: Context, statement: Statement) -> Statement:
    """`__all__` with the names of the port."""
    if not m.matches(statement, m.SimpleStatementLine(body=[m.Assign(targets=[m.AssignTarget(m.Name("__all__"))])])):
        return statement
    return statement.visit(_Renamed(context))  # type: ignore[return-value]  # a statement stays one


class _Renamed(cst.CSTTransformer):
    def __init__(self, context: Context) -> None:
        self.context = context

    def leave_SimpleString(self, original_node: cst.SimpleString, updated_node: cst.SimpleString) -> cst.SimpleString:
        local = self.context.source.classes.get(str(original_node.evaluated_value))
        if local is None or local.kind == "plain":
            return updated_node
        return updated_node.with_changes(value=f'"{tf_name(local.name)}"')


def _imports(context: Context, read: frozenset[str], target: Target) -> Iterator[str]:
    """The import lines: the original's own that are still read, the target's modules, the runtime's names."""
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
        elif name in target.exports:
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


def _original_imports(context: Context) -> Iterator[tuple[str, str]]:
    """Imported name -> the line that imports it alone, absolute."""
    package = context.source.module.__package__ or ""
    for node in context.source.find(context.source.tree, cst.Import, cst.ImportFrom):
        if isinstance(node, cst.Import):
            for alias in node.names:
                name = code_of(alias.asname.name) if alias.asname else code_of(alias.name).partition(".")[0]
                yield name, f"import {code_of(alias).rstrip(', ')}"
        elif isinstance(node, cst.ImportFrom):
            module = _absolute(package, len(node.relative), code_of(node.module) if node.module else "")
            if isinstance(node.names, cst.ImportStar):
                yield from ((name, f"from {module} import {name}") for name in vars(sys.modules.get(module, object)))
                continue
            for alias in node.names:
                name = code_of(alias.asname.name) if alias.asname else code_of(alias.name)
                text = code_of(alias.name) + (f" as {name}" if alias.asname else "")
                yield name, f"from {module} import {text}"


def _absolute(package: str, dots: int, module: str) -> str:
    if not dots:
        return module
    parts = package.split(".")
    base = parts[: len(parts) - dots + 1]
    return ".".join([*base, module] if module else base)


def _kept_import(context: Context, name: str, line: str) -> str | None:
    """The import of a name the port still reads; configuration classes come from where users have them."""
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
    if module.startswith(_FOREIGN):
        note = f"`{name}` of {module} has no counterpart; the name is not imported."
        context.note(_first_reader(context, name), "left", note)
        return None
    return line


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


def _first_reader(context: Context, name: str) -> cst.CSTNode:
    """The first place of the file that reads an imported name."""
    readers = (n for n in context.source.find(context.source.tree, cst.Name) if n.value == name)
    return next((node for node in readers if context.source.enclosing(node)), context.source.tree.body[0])
