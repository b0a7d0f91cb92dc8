"""Tensors that a layer has as plain attributes and writes parts of while it runs: caches of a fixed length."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.knowledge import Knowledge

_OWN = m.Attribute(value=m.Name("self"))


def keeps_tensor(knowledge: Knowledge, class_name: str, attribute: str) -> bool:
    """Whether a constructor makes the tensor of an attribute once, and other methods write into parts of it.

    PyTorch keeps what was written for the next call, `self.cache[:rows] = x`. Weights and buffers are not meant.
    """
    source = knowledge.source
    local, seen = source.classes.get(class_name), knowledge.facts.modules.get(class_name)
    if local is None or (seen is not None and attribute in {*seen.parameters, *seen.buffers}):
        return False
    named = m.Attribute(value=m.Name("self"), attr=m.Name(attribute))
    assigns = source.find(local.node, cst.Assign)
    made = [each for each in assigns if any(m.matches(target.target, named) for target in each.targets)]
    first = [each for each in made if source.in_init(each)]
    parts = [each for each in assigns if m.matches(each.targets[0].target, m.Subscript(value=named))]
    written = any(knowledge.is_tensor(cst.ensure_type(each.targets[0].target, cst.Subscript).value) for each in parts)
    return len(first) == 1 and knowledge.is_tensor(first[0].value) and written and all(map(_takes_itself, made[1:]))


def _takes_itself(assign: cst.Assign) -> bool:
    """`self.cache = self.cache.to(x)`: the same numbers elsewhere, or of another type."""
    called = m.Call(func=m.Attribute(value=_OWN, attr=m.Name("to") | m.Name("type_as") | m.Name("type")))
    if not m.matches(assign.value, called) or len(assign.targets) != 1:
        return False
    taken = cst.ensure_type(cst.ensure_type(assign.value, cst.Call).func, cst.Attribute).value
    return taken.deep_equals(assign.targets[0].target)
