"""What functions and methods of torch return, by their names alone."""

from __future__ import annotations

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
