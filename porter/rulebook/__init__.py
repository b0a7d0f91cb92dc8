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
from porter.rulebook.forms import Form, all_forms, expression, statement
from porter.rulebook.match import Match
from porter.rulebook.results import Drop, Remark, Same, Text
from porter.rulebook.signature import CannotBind, Signature, bind

__all__ = [
    "Arg",
    "Call",
    "CannotBind",
    "Card",
    "Drop",
    "Form",
    "Match",
    "Remark",
    "Rule",
    "Same",
    "Signature",
    "Text",
    "Translation",
    "Unknown",
    "all_cards",
    "all_forms",
    "all_rules",
    "bind",
    "expression",
    "find_card",
    "find_refusal",
    "find_rule",
    "layer",
    "refused",
    "rule",
    "statement",
]
