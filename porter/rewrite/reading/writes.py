"""Which tensor a statement writes into: `x` for `x[0] = 1`, `y = x.add_(1)`, `x += 1` and `torch.add(y, 1, out=x)`."""

from __future__ import annotations

import libcst as cst

from porter.rewrite.reading.in_place_calls import written_at_root
from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.views_in_file import Origin, origin_of

# Methods that end in an underscore and leave the numbers alone.
_NO_WRITES = frozenset({"requires_grad_", "detach_", "share_memory_", "rename_"})


def written_root(knowledge: Knowledge, small: cst.BaseSmallStatement) -> Origin | None:
    """What a statement writes into, or what that is a view of; None for a statement that writes in no tensor."""
    place = written_place(knowledge, small)
    return None if place is None else origin_of(knowledge, place)


def written_place(knowledge: Knowledge, small: cst.BaseSmallStatement) -> cst.BaseExpression | None:
    """The expression whose tensor a statement writes into."""
    if isinstance(small, cst.AugAssign):
        target: cst.BaseExpression = small.target
        whole = target.value if isinstance(target, cst.Subscript) else target
        return whole if knowledge.is_tensor(whole) else None
    if isinstance(small, cst.Assign) and len(small.targets) == 1:
        target = small.targets[0].target
        if isinstance(target, cst.Subscript):
            return target.value if knowledge.is_tensor(target.value) else None
        return _changed_by(knowledge, small.value) if isinstance(target, cst.Name) else None
    call = small.value if isinstance(small, cst.Expr) else None
    if not isinstance(call, cst.Call):
        return None
    out = next((a.value for a in call.args if a.keyword is not None and a.keyword.value == "out"), None)
    return out if out is not None else _changed_by(knowledge, call)


def _changed_by(knowledge: Knowledge, call: cst.BaseExpression) -> cst.BaseExpression | None:
    method = call.func if isinstance(call, cst.Call) else None
    if isinstance(method, cst.Attribute) and method.attr.value in _NO_WRITES:
        return None
    place = written_at_root(knowledge, call)
    return None if place is call else place
