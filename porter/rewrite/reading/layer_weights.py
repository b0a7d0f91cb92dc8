"""Weights that code writes to and has not made itself: of PyTorch's layers, or such as a loop runs through."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.source import Source

_WALKS = m.Call(func=m.Attribute(attr=m.Name("parameters") | m.Name("named_parameters")))
_JOINED = m.Call(func=m.Name("zip") | m.Name("enumerate"), args=[m.AtLeastN(m.Arg(value=_WALKS), n=1)])


def is_layer_weight(knowledge: Knowledge, node: cst.CSTNode) -> bool:
    """Whether an attribute is the weight or bias of a layer of PyTorch's, which lies otherwise in its port."""
    if not isinstance(node, cst.Attribute) or node.attr.value not in ("weight", "bias"):
        return False
    if m.matches(node.value, m.Name("self")):
        local = knowledge.source.classes.get(knowledge.source.enclosing_class(node) or "")
        return local is not None and local.torch_base is not None
    owner = knowledge.traced(node.value)
    is_layer = owner is not None and owner.only("module") and bool(owner.names)
    return is_layer and owner is not None and all(name.startswith("torch.nn.") for name in owner.names)


def walks_weights(source: Source, at: cst.CSTNode, name: str) -> bool:
    """Whether a variable is a weight that a loop around runs through: `for p, q in zip(a.parameters(), ...)`."""
    loops = [node for node in source.ancestors(at) if isinstance(node, cst.For)]
    return any(
        m.matches(loop.iter, _WALKS | _JOINED) and any(n.value == name for n in source.find(loop.target, cst.Name))
        for loop in loops
    )
