"""Causes in the first wrong statement: edits of it are tried until the module is right."""

from __future__ import annotations

import ast
import copy
import itertools
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any
from unittest import mock

from diffcheck.causes.edits import Edit, edits_of
from diffcheck.causes.suspect import Cause, Explanation, Suspect
from diffcheck.causes.wrong_layer import activations
from diffcheck.statements import Statement
from diffcheck.values import as_tensor

MOST_TRIALS = 400


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
    """One small edit of a statement under suspicion repairs the module."""
    for statement in suspect.statements:
        edit = repairing_edit(suspect, statement)
        if edit is not None:
            return Explanation(f"{edit.cause}; write {edit.text}", statement)
    return None


def repairing_edit(suspect: Suspect, statement: Statement) -> Edit | None:
    """The first edit of the statement with which the module is right."""
    place = find_function(statement)
    if place is None:
        return None
    numbers = [
        name
        for name, value in vars(suspect.layer).items()
        if isinstance(value, int | float) and not isinstance(value, bool) and not name.startswith("_")
    ]
    for edit in itertools.islice(edits_of(place.statement, place.names_before(), numbers), MOST_TRIALS):
        if suspect.is_right_with(in_force(suspect, place, edit)):
            return edit
    return None


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
    """The function around a recorded statement; None for one that is no simple statement."""
    tree = ast.parse(Path(statement.file).read_text(encoding="utf-8"))
    for owner in ast.walk(tree):
        for function in ast.iter_child_nodes(owner):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                simple = isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return | ast.Expr)
                if simple and isinstance(node, ast.stmt) and node.lineno == statement.line:
                    return FunctionPlace(function, node, owner.name if isinstance(owner, ast.ClassDef) else "")
    return None


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
                method = MethodType(function, layer)
                stack.enter_context(mock.patch.dict(vars(layer), {place.function.name: method}))
        yield


def _compiled(place: FunctionPlace, edit: Edit, module: ModuleType) -> Callable[..., Any] | None:
    function = copy.deepcopy(place.function, {id(place.statement): edit.statement})
    function.returns = None
    for argument in (*function.args.args, *function.args.kwonlyargs, *function.args.posonlyargs):
        argument.annotation = None
    local: dict[str, Any] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            code = compile(ast.fix_missing_locations(ast.Module([function], [])), "<edited>", "exec")
        exec(code, vars(module), local)
    except (SyntaxError, ValueError, NameError, TypeError):
        return None
    made = local[place.function.name]
    return made if isinstance(made, FunctionType) else None


CODE_CAUSES = (
    Cause("setting", settings),
    Cause("constant", constants),
    Cause("activation of the module", activation_attribute),
    Cause("statement", one_edit),
)
