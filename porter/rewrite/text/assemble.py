"""From the rewritten tree to the finished text: imports, header, names that nothing reads any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context, tf_name
from porter.rewrite.definitions.copied_from import WithoutCopies
from porter.rewrite.expressions.annotations import port_docstring
from porter.rewrite.reading.dropped import reads_tensorflow
from porter.rewrite.reading.names_read import names_read
from porter.rewrite.targets import Target
from porter.rewrite.text.importable import importable
from porter.rewrite.text.imports import (
    Statement,
    aliased_import_lines,
    import_lines,
    is_import,
    without_foreign_imports,
)
from porter.rulebook.call import code_of


def assemble(context: Context, tree: cst.Module, target: Target) -> cst.Module:
    """The module with TensorFlow's imports in place of PyTorch's."""
    kept = [_port_all(context, s) for s in tree.body if not is_import(s) and not _is_torch_only(s)]
    ported = list(without_foreign_imports(context, _without_orphans(context, kept), target))
    module = tree.with_changes(body=ported).visit(_Aliased(context))
    module = module if context.copies else module.visit(WithoutCopies())
    read = names_read(module)
    imports = [*import_lines(context, read, target), *aliased_import_lines(context, read, target)]
    imports.sort(key=lambda line: " = " in line)  # assignments stand below the imports that they need
    statements = [cst.parse_statement(line) for line in ("from __future__ import annotations", *imports)]
    docstring, body = _split_docstring(context, module.body)
    return importable(context, module.with_changes(body=[*docstring, *statements, *body]))


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
        for name in orphans:
            context.forget(context.source.functions[name].node)
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
    """Whether only functions without a place in the port have called it, and no other file may import it."""
    name, source = function.name.value, context.source
    original = source.functions.get(name)
    named = name in getattr(source.module, "__all__", ()) or not source.subject.cases  # a file beside the subject's
    exported = named and not name.startswith("_")
    if name in read or context.stand_ins.get(name) in read or original is None or exported:
        return False
    start, end = source.span(original.node).line, source.span(original.node).end_line
    uses = [n for n in source.find(source.tree, cst.Name) if n.value == name and source.enclosing(n) is not None]
    return any(not start <= source.line(node) <= end for node in uses)


class _Aliased(cst.CSTTransformer):
    """Calls the runtime's functions by an alias where a variable has their name, and the file's own by their name."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._own = {stand_in: name for name, stand_in in context.stand_ins.items()}

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        function = updated_node.func
        if isinstance(function, cst.Name) and function.value in self._own:
            return updated_node.with_changes(func=cst.Name(self._own[function.value]))
        if isinstance(function, cst.Name) and function.value in self.context.clashes:
            return updated_node.with_changes(func=cst.Name(self.context.runtime_name(function.value)))
        return updated_node


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

    def leave_Element(
        self, original_node: cst.Element, updated_node: cst.Element
    ) -> cst.Element | cst.RemovalSentinel:
        """Without functions that were not ported."""
        name = original_node.value.evaluated_value if isinstance(original_node.value, cst.SimpleString) else ""
        function = self.context.source.functions.get(str(name))
        gone = function is not None and reads_tensorflow(function.node)
        return cst.RemoveFromParent() if gone else updated_node
