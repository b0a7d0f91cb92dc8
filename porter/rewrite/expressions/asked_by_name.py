"""Attributes of a layer that are asked for by their names: `hasattr(conv, "stride")`, `getattr(conv, "stride", 1)`."""

from __future__ import annotations

import re

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.expressions.attributes import card_of, fill_attribute

_PLAIN = m.Arg(keyword=None, star="")
_NAMED = m.Arg(m.SimpleString(), keyword=None, star="")
_ASKS = m.Call(func=m.Name("hasattr"), args=[_PLAIN, _NAMED])
_READS = m.Call(func=m.Name("getattr"), args=[_PLAIN, _NAMED, m.AtMostN(_PLAIN, n=1)])
_OF_LAYER = re.compile(r"\blayer\.(\w+)")


def attribute_by_name(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    """The call with the name that the attribute has in Keras; None where it has the same one, or is not a layer's.

    What a card computes from the layer, such as a kernel with its axes in order, stands in place of the call.
    """
    asks = m.matches(original, _ASKS)
    if not asks and not m.matches(original, _READS):
        return None
    fact = context.fact(original.args[0].value)
    name = str(cst.ensure_type(original.args[1].value, cst.SimpleString).evaluated_value)
    cards = [card_of(context, each) for each in fact.names] if fact is not None and fact.only("module") else []
    templates = {card.attributes[name] for card in cards if card is not None and name in card.attributes}
    if len(templates) != 1:
        return None
    template = templates.pop()
    kept = _OF_LAYER.findall(template)[0]
    if not asks and template != f"layer.{kept}":
        every = all(card is not None and name in card.attributes for card in cards)
        return fill_attribute(template, updated.args[0].value) if every else None
    if kept == name:
        return None
    return updated.with_changes(
        args=[updated.args[0], updated.args[1].with_changes(value=cst.SimpleString(f'"{kept}"')), *updated.args[2:]]
    )
