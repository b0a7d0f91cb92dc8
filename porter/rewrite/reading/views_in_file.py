"""What an expression is a view of: `x` for `x[:, 0].view(-1)`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import libcst as cst

from porter.facts.tensor_methods import is_tensor_method, tensor_method
from porter.rewrite.reading.in_place_calls import written_at_root
from porter.rewrite.reading.knowledge import Knowledge
from porter.rulebook.call import code_of
from porter.rulebook.subscripts import Index
from porter.rulebook.views import find_view

# Whether these give the tensor itself or a copy depends on its dtype.
_CASTS = frozenset(map(tensor_method, ("to", "float", "type_as", "type")))


# Methods of caches that give a tensor which code may write into, and those of porter.runtime that keep another one.
_KEEPERS = {"get_conv_state": "keep_conv_state", "get_recurrent_state": "keep_recurrent_state"}


@dataclass(frozen=True)
class Origin:
    """What a tensor shares its numbers with, surely or perhaps: a variable, or something else whose text is `text`."""

    name: str | None
    text: str
    sure: bool = True


def origin_of(knowledge: Knowledge, node: cst.BaseExpression) -> Origin | None:
    """What an expression's numbers are shared with; None for the result of an operation, which is new."""
    node = written_at_root(knowledge, node)
    while True:
        if isinstance(node, cst.Name):
            return Origin(node.value, node.value)
        if isinstance(node, (cst.IfExp, cst.BooleanOperation)):
            return _of_choice(knowledge, node)
        whole = viewed(knowledge, node)
        if whole is None:
            return _kept_elsewhere(knowledge, node)
        node = whole


def _of_choice(knowledge: Knowledge, node: cst.IfExp | cst.BooleanOperation) -> Origin | None:
    """`x if flag else x.clone()` may be x."""
    choices = (node.body, node.orelse) if isinstance(node, cst.IfExp) else (node.left, node.right)
    origins = [origin for origin in (origin_of(knowledge, choice) for choice in choices) if origin is not None]
    named = [origin for origin in origins if origin.name is not None]
    return replace((named or origins)[0], sure=False) if origins else None


def _kept_elsewhere(knowledge: Knowledge, node: cst.BaseExpression) -> Origin | None:
    """An attribute, or an element of a list: `self.table`, `rows[0]`."""
    is_kept = isinstance(node, (cst.Attribute, cst.Subscript)) and knowledge.is_tensor(node)
    if isinstance(node, cst.Subscript) and knowledge.is_tensor(node.value):
        return None  # chosen by a tensor, which copies
    return Origin(None, code_of(node)) if is_kept else None


def viewed(knowledge: Knowledge, node: cst.BaseExpression) -> cst.BaseExpression | None:
    """What an expression is directly a view of; None where it is not a view."""
    if isinstance(node, cst.Subscript):
        basic = knowledge.is_tensor(node.value) and not any(_is_advanced(knowledge, e.slice) for e in node.slice)
        return node.value if basic else None
    if isinstance(node, cst.Attribute):
        return node.value if knowledge.is_tensor(node.value) and find_view(tensor_method(node.attr.value)) else None
    name = view_name(knowledge, node)
    if name is None or not isinstance(node, cst.Call) or find_view(name) is None:
        return None
    is_method = is_tensor_method(name) and isinstance(node.func, cst.Attribute)
    if not is_method and not node.args:
        return None
    whole = node.func.value if is_method and isinstance(node.func, cst.Attribute) else node.args[0].value
    return whole if name not in _CASTS or _same_dtype(knowledge, node, whole) else None


def keeper(knowledge: Knowledge, call: cst.Call) -> str | None:
    """The method that keeps a tensor where a call has taken one from: `cache.get_conv_state(i)`."""
    callee = knowledge.callee(call) if isinstance(call.func, cst.Attribute) else None
    of_cache = callee is not None and all(name.startswith("transformers.cache_utils.") for name in callee.names)
    return _KEEPERS.get(cst.ensure_type(call.func, cst.Attribute).attr.value) if of_cache else None


def view_name(knowledge: Knowledge, node: cst.BaseExpression) -> str | None:
    """The canonical name of the torch operation that a call or attribute is."""
    if isinstance(node, cst.Attribute):
        return tensor_method(node.attr.value)
    callee = knowledge.callee(node) if isinstance(node, cst.Call) else None
    return callee.name if callee is not None else None


def _is_advanced(knowledge: Knowledge, part: cst.BaseSlice) -> bool:
    fact = knowledge.fact(part.value) if isinstance(part, cst.Index) else None
    return Index(part, part, fact).is_advanced


def _same_dtype(knowledge: Knowledge, node: cst.BaseExpression, whole: cst.BaseExpression) -> bool:
    before, after = knowledge.fact(whole), knowledge.fact(node)
    return before is not None and after is not None and before.dtype is not None and before.dtype == after.dtype
