"""Lines that compute what nothing reads: what is left of an assignment whose name went with the code that read it."""

from __future__ import annotations

import ast

_CALLING = "function cond case switch_case while_loop map_fn vectorized_map scan foldl foldr"
_EFFECTS = frozenset(f"print group py_function numpy_function {_CALLING}".split())
_PURE_ROOMS = ("tf", "tf.math", "tf.linalg", "tf.nn", "tf.signal")
_PURE_NAMES = frozenset(
    {"str", "int", "float", "bool", "len", "list", "tuple", "dict", "set", "range", "min", "max", "abs", "shape_list"}
)
_PLAIN = (
    ast.Name,
    ast.Constant,
    ast.Attribute,
    ast.Subscript,
    ast.Slice,
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.IfExp,
    ast.Tuple,
    ast.List,
    ast.keyword,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
    ast.expr_context,
)


def without_idle_lines(code: str) -> str:
    """The code without statements that are an expression without effect; `pass` where a block has nothing else.

    Constants stay, which are docstrings or `...`, and so do calls of anything that may have an effect.
    """
    lines = code.splitlines(keepends=True)
    for block in _blocks(ast.parse(code)):
        idle = [statement for statement in block if isinstance(statement, ast.Expr) and is_idle(statement.value)]
        for statement in idle:
            before = lines[statement.lineno - 1].encode()[: statement.col_offset].decode()
            alone = statement is block[0] and len(idle) == len(block)
            lines[statement.lineno - 1] = f"{before}pass\n" if alone else ""
            for number in range(statement.lineno, statement.end_lineno or statement.lineno):
                lines[number] = ""
    return "".join(lines)


def _blocks(tree: ast.Module) -> list[list[ast.stmt]]:
    """The bodies of the module and all its statements, where each line holds one statement at most.

    What is tried may be an expression that only fails or does not.
    """
    found: list[list[ast.stmt]] = []
    for node in ast.walk(tree):
        for name in ("orelse", "finalbody") if isinstance(node, ast.Try) else ("body", "orelse"):
            block = getattr(node, name, None)
            if isinstance(block, list) and len({statement.lineno for statement in block}) == len(block):
                found.append(block)
    return found


def is_idle(expression: ast.expr) -> bool:
    """Whether nothing happens where the expression is computed: no call but of what only gives back a value."""
    if isinstance(expression, ast.Constant):
        return False
    return all(_is_plain(node) for node in ast.walk(expression))


def _is_plain(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return isinstance(node, _PLAIN)
    called = ast.unparse(node.func)
    room, _, name = called.rpartition(".")
    return called in _PURE_NAMES or (room in _PURE_ROOMS and name.islower() and name not in _EFFECTS)
