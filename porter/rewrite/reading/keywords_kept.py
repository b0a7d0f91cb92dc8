"""Whether a function has to keep its `**kwargs` as a dictionary, because it does more with it than to pass it on."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType

import libcst as cst
import libcst.matchers as m

from porter.facts.canonical import canonical
from porter.rulebook import find_rule
from porter.rulebook.call import code_of

_OF_DICTIONARIES = ("items", "keys", "values", "copy", "update", "setdefault")


@dataclass(frozen=True)
class KeywordsRead:
    """What the functions of a file do with the dictionaries of their keywords."""

    module: ModuleType
    parents: Mapping[cst.CSTNode, cst.CSTNode]

    def are_kept(self, reads: Iterable[cst.Name]) -> bool:
        """Whether one of the places where a function names its `**kwargs` does not name a key or pass it on."""
        return not all(map(self._reads_key, reads))

    def _reads_key(self, node: cst.Name) -> bool:
        parent = self.parents[node]
        if isinstance(parent, cst.Arg):
            passed_on = parent.star == "**" and not self._keeps_all(self.parents[parent])
            return passed_on or parent.keyword is node or self._is_not_ported(parent)
        if isinstance(parent, cst.StarredDictElement):  # only `f(**{**kwargs, "key": value})` passes it on
            holder = self.parents[self.parents[parent]]
            return isinstance(holder, cst.Arg) and holder.star == "**" and not self._keeps_all(self.parents[holder])
        if isinstance(parent, cst.Attribute):
            return parent.value is not node or parent.attr.value not in _OF_DICTIONARIES
        if isinstance(parent, cst.Subscript) and isinstance(self.parents[parent], cst.AssignTarget):
            index = parent.slice[0].slice
            return isinstance(index, cst.Index) and isinstance(index.value, cst.SimpleString)
        return isinstance(parent, (cst.Subscript, cst.Comparison, cst.ComparisonTarget))

    def _is_not_ported(self, argument: cst.Arg) -> bool:
        """Whether it is an argument of a library's function whose counterpart does without it."""
        call = self.parents[argument]
        if not isinstance(call, cst.Call) or argument.keyword is None:
            return False
        rule = find_rule(canonical(self._named(call.func), (self.module.__name__,)))
        name = argument.keyword.value
        known = rule is not None and any(each.name == name for own in rule.signatures for each in own.parameters)
        return rule is not None and known and isinstance(rule.to, str) and not re.search(rf"\b{name}\b", rule.to)

    def _keeps_all(self, call: cst.CSTNode) -> bool:
        """Whether what is called takes all that a function's `**kwargs` hold: a class, `dict` and `partial` too."""
        if not isinstance(call, cst.Call):
            return False
        if m.matches(call.func, m.Name("dict") | m.Name("cls")) or self._is_of_table(call.func):
            return True
        return inspect.isclass(self._named(call.func))

    def _is_of_table(self, function: cst.BaseExpression) -> bool:
        """`MODELS[name]` and `MODELS.get(name)`: one of a dictionary of the module, whose values are of any kind."""
        looked_up = function.func if isinstance(function, cst.Call) else function
        table = looked_up.value if isinstance(looked_up, (cst.Subscript, cst.Attribute)) else None
        is_looked_up = isinstance(function, (cst.Subscript, cst.Call)) and isinstance(table, cst.Name)
        return is_looked_up and table is not None and isinstance(self._named(table), Mapping)

    def _named(self, node: cst.BaseExpression) -> object | None:
        """What a dotted name stands for if it is none of a function's own."""
        found: object | None = self.module
        for name in code_of(node).split("."):
            found = attribute_of(found, name)
        return found


def attribute_of(owner: object, name: str) -> object | None:
    """An attribute of what a name stands for; None where it has none, or fails to make it."""
    found: object
    try:
        found = inspect.getattr_static(owner, name, None) if inspect.isclass(owner) else getattr(owner, name, None)
    except Exception:  # noqa: BLE001 - a module's own `__getattr__` may raise anything, such as torch.classes' does
        return None
    return found
