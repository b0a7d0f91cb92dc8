"""What functions and methods of torch return, by their names alone."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.facts.tensor_methods import is_tensor_method

# They give numbers, tuples or information in place of a tensor.
_METHODS_OF_OTHERS = frozenset(
    {"size", "dim", "numel", "item", "tolist", "unbind", "chunk", "split", "is_floating_point"}
)
_FUNCTIONS_OF_OTHERS = frozenset(
    {"is_tensor", "finfo", "iinfo", "split", "chunk", "unbind", "meshgrid", "is_grad_enabled"}
    | {"LSTM", "GRU", "RNN", "LSTMCell", "MultiheadAttention"}
)


def gives_tensor(name: str) -> bool:
    """Whether a function, a method of tensors or a layer of torch returns one tensor; by its canonical name."""
    others = _METHODS_OF_OTHERS if is_tensor_method(name) else _FUNCTIONS_OF_OTHERS
    return name.startswith("torch.") and name.rpartition(".")[2] not in others


def only_tensors_take(brackets: cst.Subscript) -> bool:
    """Whether only a tensor takes the brackets: `x[:, 0]`, `x[..., 0]`, and `x[x > 0]`, which is chosen by itself."""
    elements = [each.slice for each in brackets.slice]
    if len(elements) == 1:
        return isinstance(elements[0], cst.Index) and _is_mask_of(elements[0].value, brackets.value)
    return any(
        isinstance(e, cst.Slice) or (isinstance(e, cst.Index) and m.matches(e.value, m.Ellipsis())) for e in elements
    )


def _is_mask_of(index: cst.BaseExpression, value: cst.BaseExpression) -> bool:
    return isinstance(index, cst.Comparison) and index.left.deep_equals(value)
