"""Which tensor a call writes into and gives back: `x` of `x.add_(1)` and of `F.relu(x, inplace=True)`."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.knowledge import Knowledge
from porter.rulebook import find_card, find_rule
from porter.rulebook.call import code_of

_TRUE = m.Name("True")


def written_by(knowledge: Knowledge, node: cst.CSTNode) -> cst.BaseExpression | None:
    """The expression whose tensor a call changes in place and gives back; None for all else."""
    if not isinstance(node, cst.Call):
        return None
    if isinstance(node.func, cst.Attribute) and _writes(node.func.attr.value) and knowledge.is_tensor(node.func.value):
        return node.func.value
    first = node.args[0] if node.args else None
    if first is None or first.star or first.keyword is not None or not knowledge.is_tensor(first.value):
        return None
    return first.value if _is_of_layer(knowledge, node) or _is_of_function(knowledge, node) else None


def written_at_root(knowledge: Knowledge, node: cst.BaseExpression) -> cst.BaseExpression:
    """The expression without calls that write around it: `x` of `x.add_(1).mul_(2)`."""
    while (place := written_by(knowledge, node)) is not None:
        node = place
    return node


def _writes(name: str) -> bool:
    return name.endswith("_") and not name.endswith("__")


def _is_of_function(knowledge: Knowledge, call: cst.Call) -> bool:
    callee = knowledge.callee(call)
    name = callee.name if callee is not None and callee.kind == "function" else None
    if name is None or not name.startswith("torch.") or name.startswith("torch.nn.init."):
        return False
    rule = find_rule(name)
    if rule is None:
        return False
    if _writes(name.rpartition(".")[2]):
        return True
    signature = next((each for each in rule.signatures if each.name == name), rule.signatures[0])
    parameters = [parameter.name for parameter in signature.parameters]
    if "inplace" not in parameters:
        return False
    at = parameters.index("inplace")
    positional = [argument.value for argument in call.args[at : at + 1] if argument.keyword is None]
    return _is_said(call) or any(m.matches(value, _TRUE) for value in positional)


def _is_of_layer(knowledge: Knowledge, call: cst.Call) -> bool:
    """Whether it calls a layer that was made to write in place: `nn.ReLU(inplace=True)(x)`, `self.relu(x)`."""
    if isinstance(call.func, cst.Call):
        return _makes_writer(knowledge, call.func)
    made = _made_in_constructor(knowledge, call)
    return bool(made) and all(isinstance(value, cst.Call) and _makes_writer(knowledge, value) for value in made)


def _made_in_constructor(knowledge: Knowledge, call: cst.Call) -> Sequence[cst.BaseExpression]:
    """What a constructor makes of an attribute that is called, `self.relu(x)`; nothing for other calls."""
    if not m.matches(call.func, m.Attribute(value=m.Name("self"))):
        return ()
    constructor = knowledge.source.method(knowledge.source.enclosing_class(call) or "", "__init__")
    return knowledge.assigned_values(constructor, code_of(call.func)) if constructor is not None else ()


def _makes_writer(knowledge: Knowledge, call: cst.Call) -> bool:
    """Whether a call makes a layer that writes in place: `nn.ReLU(inplace=True)`, `nn.LeakyReLU(0.2, True)`."""
    if _is_said(call):
        return True
    card = find_card(knowledge.source.canonical(call.func) or "")
    parameters = [each.name for each in card.signatures[0].parameters] if card is not None else []
    at = parameters.index("inplace") if "inplace" in parameters else len(call.args)
    return any(m.matches(argument, m.Arg(keyword=None, star="", value=_TRUE)) for argument in call.args[at : at + 1])


def first_writer(knowledge: Knowledge, call: cst.Call) -> cst.Call | None:
    """What makes the first layer of a sequence that is called, where it writes into what the sequence is given."""
    given = call.args[0] if call.args else None
    if given is None or given.star or given.keyword is not None or not knowledge.is_tensor(given.value):
        return None
    made = _made_in_constructor(knowledge, call)
    sequence = made[0] if len(made) == 1 else None
    if not isinstance(sequence, cst.Call) or knowledge.source.canonical(sequence.func) != "torch.nn.Sequential":
        return None
    first = sequence.args[0].value if sequence.args and not sequence.args[0].star else None
    return first if isinstance(first, cst.Call) and _makes_writer(knowledge, first) else None


def _is_said(call: cst.Call) -> bool:
    """Whether `inplace=True` stands among the arguments."""
    return any(m.matches(argument, m.Arg(keyword=m.Name("inplace"), value=_TRUE)) for argument in call.args)
