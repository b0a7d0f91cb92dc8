"""What a file asks PyTorch's version is known when it is ported: `int(torch.__version__.split(".")[0]) >= 2`."""

from __future__ import annotations

import ast
import builtins

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rulebook.call import code_of

_VERSION = m.Attribute(value=m.Name("torch"), attr=m.Name("__version__"))
_READERS = frozenset({"int", "float", "str", "tuple", "list", "map", "len", "bool"})
_METHODS = frozenset({"split", "partition", "rpartition", "startswith", "strip", "replace", "parse", "Version"})
_MODULES = frozenset({"torch", "version", "packaging", "Version", "parse"})
_PLAIN = (
    ast.expr_context,
    ast.operator,
    ast.cmpop,
    ast.boolop,
    ast.unaryop,
    ast.Constant,
    ast.Compare,
    ast.BinOp,
    ast.BoolOp,
    ast.UnaryOp,
    ast.Subscript,
    ast.Slice,
    ast.Tuple,
    ast.Call,
)


def asked_of_version(context: Context, node: cst.BaseExpression) -> cst.BaseExpression | None:
    """The number, text or truth that an expression reads from PyTorch's version; None for every other expression."""
    if "__version__" not in context.source.subject.source:  # nearly every file, and each of its expressions asks
        return None
    if not any(m.matches(each, _VERSION) for each in context.source.find(node, cst.Attribute)):
        return None
    code = code_of(node)
    names = vars(context.source.module)
    if not all(_reads_a_version(each) for each in ast.walk(ast.parse(code.strip(), mode="eval").body)):
        return None
    known = {name: names[name] for name in _MODULES & names.keys()}
    try:
        value = eval(code, {"__builtins__": {name: getattr(builtins, name) for name in _READERS}}, known)
    except (ValueError, LookupError, TypeError, AttributeError, NameError, ArithmeticError, MemoryError):
        return None  # of another version than the file expects, in a line that no run came by
    return cst.parse_expression(repr(value)) if isinstance(value, int | float) else None


def _reads_a_version(node: ast.AST) -> bool:
    """Whether a part of an expression is a constant, a comparison, or one of the ways to take a version apart."""
    if isinstance(node, ast.Name):
        return node.id in _READERS | _MODULES
    if isinstance(node, ast.Attribute):
        return node.attr in _METHODS | {"__version__", "version"}
    return isinstance(node, _PLAIN)
