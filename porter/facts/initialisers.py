"""Functions that give weights their first values, by their canonical names."""

from __future__ import annotations

INITIALISERS = ("transformers.initialization.", "torch.nn.init.")
_NAMES = frozenset(
    {"trunc_normal_", "trunc_normal_tf_", "normal_", "uniform_", "constant_", "zeros_", "ones_", "orthogonal_",
     "xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "lecun_normal_", "variance_scaling_"}
)  # fmt: skip


def is_initialiser(name: str) -> bool:
    """Whether a function fills weights: one of PyTorch's, or one of the user's or another library's called alike."""
    return name.startswith(INITIALISERS) or (not name.startswith("torch.") and name.rpartition(".")[2] in _NAMES)
