"""Rules for another shape of the same numbers."""

from __future__ import annotations

import math

import libcst as cst

from porter.rulebook import Call, rule
from porter.rulebook.call import code_of
from porter.rules.shape import sequence


@rule(
    "torch.Tensor.view(input, *shape)",
    "torch.Tensor.reshape(input, *shape)",
    "torch.reshape(input, shape)",
    cases={
        "x.view(2, -1)": "tf.reshape(x, (2, -1))",
        "torch.reshape(x, (-1,))": "tf.reshape(x, (-1,))",
        "x.view(*x.shape[:-1], 2, -1)": "unflatten(x, -1, (2, -1))",
        "x.view(x.shape[0], x.size(1), 2, -1)": "unflatten(x, -1, (2, -1))",
        "x.reshape(x.shape[0], -1)": "flatten(x, start_dim=1)",
    },
)
def reshape(call: Call) -> str:
    """`view(dtype)` reads the same bits as another type."""
    if call.shape.is_a("dtype") or any(arg.is_a("dtype") for arg in call.variadic):
        return f"tf.bitcast({call.input}, {call.variadic[0]})"
    return (
        _last_axis_split(call)
        or _last_axes_changed(call)
        or f"tf.reshape({call.input.node_code}, {call.shape.node_code})"
    )


def _last_axis_split(call: Call) -> str | None:
    """`x.view(*x.shape[:-1], heads, -1)` is an unflattening, after which the known sizes stay known."""
    node = call.shape.node
    if not isinstance(node, cst.Tuple) or len(node.elements) < 2 or not call.input.is_simple():
        return None
    first, *rest = node.elements
    codes = [code_of(element.value) for element in rest]
    is_kept = isinstance(first, cst.StarredElement) and code_of(first.value) == f"shape_list({call.input})[:-1]"
    if not is_kept or "-1" not in codes or any(isinstance(element, cst.StarredElement) for element in rest):
        return None
    return f"unflatten({call.input}, -1, {sequence(codes)})"


def _last_axes_changed(call: Call) -> str | None:
    """`x.view(batch, length, heads, -1)` and `x.view(batch, length, -1)`, where no more than the last axes change.

    What was known of them stays known, which -1 alone would lose where the graph does not know batch and length. They
    hold as many numbers as before; else an axis before them is torn apart, `(batch * length, 4)` into both.
    """
    codes = _written_sizes(call)
    before = call.input.fact.dims if call.input.fact is not None else None
    after = call.result.dims if call.result is not None else None
    if not codes or codes[-1] != "-1" or before is None or after is None or len(codes) != len(after):
        return None
    kept = min(len(before), len(after)) - 1
    numbers = [math.prod(size or 0 for size in dims[kept:]) for dims in (before, after)]
    changes = kept > 0 and len(before) != len(after) and numbers[0] == numbers[1] > 0
    if not changes or before[:kept] != after[:kept] or not all(map(_is_size, codes[:kept])):
        return None
    if len(after) > len(before):
        return f"unflatten({call.input.node_code}, -1, {sequence(codes[kept:])})"
    return f"flatten({call.input.node_code}, start_dim={kept})"


def _written_sizes(call: Call) -> list[str]:
    """The sizes of a new shape that is written out; none where a part of it stands elsewhere."""
    node = call.shape.node
    if not isinstance(node, cst.Tuple) or any(isinstance(each, cst.StarredElement) for each in node.elements):
        return []
    return [code_of(element.value) for element in node.elements]


def _is_size(code: str) -> bool:
    """Whether a size is a variable, or one of a shape: with others the axes before may change, too."""
    return code.isidentifier() or (code.startswith("shape_list(") and code.endswith("]"))
