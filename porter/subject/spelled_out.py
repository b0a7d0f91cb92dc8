"""Constructors that hand `*args` on to a layer of PyTorch, with that layer's parameters written out.

`class Causal(nn.Conv1d): def __init__(self, *args, **kwargs)` says nothing of what it takes; its base does. The text
that is watched and ported says it, line by line where the file has it.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping

from porter.subject.edited_text import Edit, edited, of_node

Parameters = Mapping[str, object]
"""Names of parameters and their defaults; `inspect.Parameter.empty` where there is none."""

_EMPTY = inspect.Parameter.empty
_PLAIN = (int, float, bool, str, type(None), tuple)
_LEFT_OUT = ("device", "dtype")


def spelled_out(source: str) -> str:
    """The text with such constructors written out; as it is where there are none, or it is not valid Python."""
    if "*" not in source or "super(" not in source:
        return source
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    known: dict[str, Parameters] = {}
    edits: list[Edit] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and len(node.bases) == 1:
            taken = known.get(ast.unparse(node.bases[0])) or _of_torch(tree, node.bases[0])
            edits += _of_class(node, taken, known) if taken else []
    return edited(source, edits)


def _of_torch(tree: ast.Module, base: ast.expr) -> Parameters:
    """The parameters of a layer of `torch.nn`; none of another class, or of one that takes any number."""
    name = _canonical(tree, ast.unparse(base))
    if not name.startswith("torch.nn.") or name.count(".") != 2:
        return {}
    import torch

    found = getattr(torch.nn, name.rpartition(".")[2], None)
    if not inspect.isclass(found) or not issubclass(found, torch.nn.Module):
        return {}
    parameters = list(inspect.signature(found.__init__).parameters.values())[1:]
    if any(each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in parameters):
        return {}
    plain = all(each.default is _EMPTY or isinstance(each.default, _PLAIN) for each in parameters)
    return {each.name: each.default for each in parameters if each.name not in _LEFT_OUT} if plain else {}


def _canonical(tree: ast.Module, name: str) -> str:
    """A dotted name with what the file's imports call its first part."""
    first, dot, rest = name.partition(".")
    for node in tree.body:
        for alias in node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ():
            home = f"{node.module}." if isinstance(node, ast.ImportFrom) and node.module else ""
            if (alias.asname or alias.name) == first:
                return f"{home}{alias.name}{dot}{rest}"
    return name


def _of_class(node: ast.ClassDef, taken: Parameters, known: dict[str, Parameters]) -> list[Edit]:
    """The edits of a class's constructor; its parameters are put down as known."""
    constructor = next((each for each in node.body if _is_constructor(each)), None)
    if constructor is None:
        known[node.name] = taken
        return []
    assert isinstance(constructor, ast.FunctionDef)
    call = _base_call(constructor)
    given = constructor.args
    if call is None or given.posonlyargs:
        return []
    own = [argument.arg for argument in (*given.args[1:], *given.kwonlyargs)]
    positional = sum(not isinstance(argument, ast.Starred) for argument in call.args)
    written = {keyword.arg for keyword in call.keywords}
    rest = {name: value for name, value in list(taken.items())[positional:] if name not in {*own, *written}}
    if given.defaults and any(value is _EMPTY for value in rest.values()):
        return []
    if not given.defaults:
        known[node.name] = {**dict.fromkeys((argument.arg for argument in given.args[1:]), _EMPTY), **rest}
    return [_new_parameters(given, rest), _new_call(call, rest)]


def _is_constructor(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__init__"


def _base_call(constructor: ast.FunctionDef) -> ast.Call | None:
    """`super().__init__(*args, **kwargs)`, where nothing else of the constructor reads them."""
    stars = {each.arg for each in (constructor.args.vararg, constructor.args.kwarg) if each is not None}
    says = [isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) for line in constructor.body]
    if constructor.args.vararg is None or says.count(False) == 1:  # which hands on all, and is as if it were not there
        return None
    calls = [node for node in ast.walk(constructor) if isinstance(node, ast.Call) and _is_of_base(node)]
    reads = [node for node in ast.walk(constructor) if isinstance(node, ast.Name) and node.id in stars]
    spread = [part.value for call in calls for part in call.args if isinstance(part, ast.Starred)]
    spread += [keyword.value for call in calls for keyword in call.keywords if keyword.arg is None]
    return calls[0] if len(calls) == 1 and len(reads) == len(stars) and set(reads) == set(spread) else None


def _is_of_base(call: ast.Call) -> bool:
    return ast.unparse(call.func).startswith("super(") and ast.unparse(call.func).endswith(").__init__")


def _new_parameters(given: ast.arguments, rest: Parameters) -> Edit:
    parts: list[ast.arg | ast.expr | None] = [given.vararg, given.kwarg, *given.kwonlyargs, *given.kw_defaults]
    ends = [(part.end_lineno or 0, part.end_col_offset or 0) for part in parts if part is not None]
    defaults = [ast.parse(repr(value), mode="eval").body for value in rest.values() if value is not _EMPTY]
    written = ast.arguments(
        posonlyargs=[],
        args=[*given.args, *map(ast.arg, rest)],
        defaults=[*given.defaults, *defaults],
        kwonlyargs=given.kwonlyargs,
        kw_defaults=given.kw_defaults,
    )
    first = given.args[0]
    return Edit((first.lineno, first.col_offset), max(ends), ast.unparse(written))


def _new_call(call: ast.Call, rest: Parameters) -> Edit:
    plain = [argument for argument in call.args if not isinstance(argument, ast.Starred)]
    keywords = [keyword for keyword in call.keywords if keyword.arg is not None]
    keywords += [ast.keyword(name, ast.Name(name)) for name in rest]
    text = ast.unparse(ast.Call(call.func, plain, keywords))
    return of_node(call, text)
