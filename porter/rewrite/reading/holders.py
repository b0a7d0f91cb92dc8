"""What is written into where it stands: lists, dictionaries and arrays, as far as the text alone says it."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.observed_names import makes_array
from porter.rewrite.reading.source import LocalFunction
from porter.rulebook.call import code_of

_WRITTEN_OUT = (cst.Dict, cst.DictComp, cst.List, cst.ListComp)
_TEXT = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)


def may_hold(knowledge: Knowledge, place: cst.Subscript) -> bool:
    """Whether `x[i]` may be an element of a list, a dictionary or numpy's array.

    Its key is a text; x is kept by an object, is nothing that this function knows, is annotated as something else than
    a tensor, or is made as one of them here.
    """
    holder, function = place.value, knowledge.source.enclosing(place)
    if any(isinstance(e.slice, cst.Index) and isinstance(e.slice.value, _TEXT) for e in place.slice):
        return True
    if function is None or not isinstance(holder, cst.Name):
        return True
    values = knowledge.assigned_values(function, holder.value)
    if makes_array(knowledge.source, values) or any(_makes_holder(knowledge, value) for value in values):
        return True
    return not values and not _is_bare(function, holder.value)


def _makes_holder(knowledge: Knowledge, value: cst.BaseExpression) -> bool:
    """`[]`, `dict(...)`, `[None] * n`, `defaultdict(list)`."""
    if isinstance(value, cst.BinaryOperation):
        return isinstance(value.left, _WRITTEN_OUT) or isinstance(value.right, _WRITTEN_OUT)
    if not isinstance(value, cst.Call):
        return isinstance(value, _WRITTEN_OUT)
    name = knowledge.source.canonical(value.func) or ""
    return name.startswith(("builtins.", "collections.")) or m.matches(value.func, m.Attribute(attr=m.Name("copy")))


def _is_bare(function: LocalFunction, name: str) -> bool:
    """Whether it is a parameter without an annotation."""
    parameters = (*function.node.params.params, *function.node.params.kwonly_params)
    found = next((each for each in parameters if each.name.value == name), None)
    return found is not None and (found.annotation is None or "Tensor" in code_of(found.annotation))
