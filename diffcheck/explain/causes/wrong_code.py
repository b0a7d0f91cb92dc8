"""Causes in the first wrong statement: edits of it are tried until the module is right."""

from __future__ import annotations

import ast
import copy
import functools
import itertools
import linecache
import sys
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any
from unittest import mock

from diffcheck.explain.causes.edits import Edit, edits_in_place, edits_with_names, scalings, transpositions
from diffcheck.explain.causes.suspect import Cause, Explanation, Suspect
from diffcheck.explain.causes.wrong_layer import activations
from diffcheck.explain.watched_statements import Statement
from diffcheck.record.values import as_tensor

MOST_TRIALS = 400
"""Edits that are tried of one statement."""
MOST_TRIALS_ELSEWHERE = 1000
"""Edits of one kind that are tried of all statements that are not under suspicion themselves."""
PATIENCE = 20.0
"""Seconds after which no more of those are tried."""
_EDITED = "<edited>"


def settings(suspect: Suspect) -> Explanation | None:
    """An attribute of the layer with another value than the module's attribute of the same name."""
    for name, own in list(vars(suspect.layer).items()):
        wanted = getattr(suspect.torch_module, name, None)
        if not isinstance(own, bool | int | float) or not isinstance(wanted, bool | int | float) or own == wanted:
            continue
        if suspect.is_right_with(mock.patch.dict(vars(suspect.layer), {name: wanted})):
            return Explanation(f"{name} should be {wanted:g}, it is {own:g}", attribute=name)
    return None


def constants(suspect: Suspect) -> Explanation | None:
    """A tensor that the layer keeps (frequencies, positions) with other values than the module's of the same name."""
    import tensorflow as tf

    for name, own in list(vars(suspect.layer).items()):
        wanted = as_tensor(getattr(suspect.torch_module, name, None))
        if not isinstance(own, tf.Tensor) or wanted is None or wanted.array.shape != tuple(own.shape):
            continue
        value = tf.cast(tf.convert_to_tensor(wanted.array), own.dtype)
        if suspect.is_right_with(mock.patch.dict(vars(suspect.layer), {name: value})):
            return Explanation(f"{name} holds other values than PyTorch's", attribute=name)
    return None


def activation_attribute(suspect: Suspect) -> Explanation | None:
    """Another activation function in an attribute of the layer, or as the layer itself."""
    attributes = [
        name
        for name, value in vars(suspect.layer).items()
        if "act" in name and callable(value) and not name.startswith("_")
    ]
    if not suspect.variables and not attributes:
        attributes = ["call"]
    for name in attributes:
        for word, function in activations().items():
            if suspect.is_right_with(mock.patch.dict(vars(suspect.layer), {name: function})):
                return Explanation(f"activation should be {word}", attribute=name)
    return None


def one_edit(suspect: Suspect) -> Explanation | None:
    """One small edit of a statement repairs the module.

    Of the statements under suspicion all known edits are tried, of the others that ran first those that need no other
    variable. What can be put in nearly anywhere, a transposition or a factor, comes after what changes what is there.
    """
    near, far = (
        [(statement, place) for statement in statements for place in [find_function(statement)] if place]
        for statements in (suspect.statements, suspect.elsewhere)
    )
    everywhere = [*near, *(pair for pair in far if pair not in near)]
    stages = (
        (near, _in_place, None),
        (near, _with_names, None),
        (far, _in_place, MOST_TRIALS_ELSEWHERE),
        (everywhere, _transposed, MOST_TRIALS_ELSEWHERE),
        (everywhere, _scaled, MOST_TRIALS_ELSEWHERE),
        (far, _with_names, MOST_TRIALS_ELSEWHERE),
    )
    end = time.monotonic() + PATIENCE
    for places, edits, most in stages:
        trials = ((*pair, edit) for pair in places for edit in itertools.islice(edits(suspect, pair[1]), MOST_TRIALS))
        for statement, place, edit in itertools.islice(trials, most):
            if suspect.is_right_with(in_force(suspect, place, edit)):
                return Explanation(f"{edit.cause}; write {edit.text}", statement)
            if most is not None and time.monotonic() > end:
                return None
    return None


def _in_place(_: Suspect, place: FunctionPlace) -> Iterator[Edit]:
    return edits_in_place(place.statement, place.names_before())


def _with_names(suspect: Suspect, place: FunctionPlace) -> Iterator[Edit]:
    return edits_with_names(place.statement, place.names_before(), _numbers(suspect))


def _transposed(_: Suspect, place: FunctionPlace) -> Iterator[Edit]:
    return transpositions(place.statement)


def _scaled(suspect: Suspect, place: FunctionPlace) -> Iterator[Edit]:
    return scalings(place.statement, _numbers(suspect), suspect.sizes)


def _numbers(suspect: Suspect) -> list[str]:
    return [
        name
        for name, value in vars(suspect.layer).items()
        if isinstance(value, int | float) and not isinstance(value, bool) and not name.startswith("_")
    ]


@dataclass(frozen=True)
class FunctionPlace:
    """A statement inside a function of a file; ``owner`` is the class of a method, empty for a plain function."""

    function: ast.FunctionDef
    statement: ast.stmt
    owner: str

    def names_before(self) -> list[str]:
        """Local variables that exist when the statement runs, the parameters first."""
        arguments = self.function.args
        names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs) if a.arg != "self"]
        for node in ast.walk(self.function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.lineno < self.statement.lineno:
                names.append(node.id)
        return list(dict.fromkeys(names))


def find_function(statement: Statement) -> FunctionPlace | None:
    """The function around a recorded statement; None for one that is not a simple statement."""
    for owner in ast.walk(_parsed(Path(statement.file).read_text(encoding="utf-8"))):
        for function in ast.iter_child_nodes(owner):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                simple = isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return | ast.Expr)
                if simple and isinstance(node, ast.stmt) and node.lineno == statement.line:
                    return FunctionPlace(function, node, owner.name if isinstance(owner, ast.ClassDef) else "")
    return None


@functools.lru_cache(maxsize=2)
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


@contextmanager
def in_force(suspect: Suspect, place: FunctionPlace, edit: Edit) -> Iterator[None]:
    """Run the layer with the edited statement meanwhile; an edit that does not compile changes nothing."""
    module = sys.modules[type(suspect.layer).__module__]
    function = _compiled(place, edit, module)
    owners = [
        layer
        for layer in (suspect.layer, *suspect.inside)
        if any(base.__name__ == place.owner for base in type(layer).__mro__)
    ]
    with ExitStack() as stack:
        if function is not None and not place.owner:
            stack.enter_context(mock.patch.object(module, place.function.name, function))
        for layer in owners:
            if function is not None:
                method = function.__func__ if isinstance(function, staticmethod) else MethodType(function, layer)
                stack.enter_context(mock.patch.dict(vars(layer), {place.function.name: method}))
        yield


def _compiled(place: FunctionPlace, edit: Edit, module: ModuleType) -> Callable[..., Any] | None:
    function = copy.deepcopy(place.function, {id(place.statement): edit.statement})
    function.returns = None
    for argument in (*function.args.args, *function.args.kwonlyargs, *function.args.posonlyargs):
        argument.annotation = None
    # A super() without arguments needs the class around it.
    text = f"def _make(__class__):\n{textwrap.indent(ast.unparse(function), ' ')}\n return {function.name}\n"
    # Decorators may read the source of what they decorate.
    linecache.cache[_EDITED] = (len(text), None, text.splitlines(keepends=True), _EDITED)
    local: dict[str, Any] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            exec(compile(text, _EDITED, "exec"), vars(module), local)
        made = local["_make"](getattr(module, place.owner, None))
    except Exception:  # noqa: BLE001 - a decorator may raise anything, and what cannot be made is not an explanation
        return None
    return made if isinstance(made, FunctionType | staticmethod) else None


CAUSES = (
    Cause("setting", settings, 2),
    Cause("constant", constants, 2),
    Cause("activation of the module", activation_attribute, 2),
    Cause("statement", one_edit, 2),
)
