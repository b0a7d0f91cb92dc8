"""How rules and layer cards are declared, bound and looked up."""

from porter.rulebook.call import Arg, Call, Unknown
from porter.rulebook.declare import (
    Card,
    Rule,
    Translation,
    all_cards,
    all_rules,
    find_card,
    find_refusal,
    find_rule,
    layer,
    refused,
    rule,
)
from porter.rulebook.signature import CannotBind, Signature, bind

__all__ = [
    "Arg",
    "Call",
    "CannotBind",
    "Card",
    "Rule",
    "Signature",
    "Translation",
    "Unknown",
    "all_cards",
    "all_rules",
    "bind",
    "find_card",
    "find_refusal",
    "find_rule",
    "layer",
    "refused",
    "rule",
]
