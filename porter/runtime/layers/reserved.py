"""Attributes whose names Keras keeps for itself: a port adds an underscore, and PyTorch's names go without it."""

from __future__ import annotations

from collections.abc import Container

LAYER_NAMES = frozenset(
    {"output", "input", "dtype", "losses", "metrics", "variables", "weights", "path", "name", "trainable", "built",
     "compute_dtype", "variable_dtype", "call", "build", "dtype_policy", "trainable_variables", "trainable_weights",
     "non_trainable_weights", "quantization_mode", "supports_masking", "autocast",
     "input_dtype", "input_spec", "metrics_variables", "non_trainable_variables", "quantize", "compute_mask",
     "compute_output_shape", "get_config", "from_config"}
)  # fmt: skip
"""What every Keras layer has."""

MODEL_NAMES = (
    LAYER_NAMES
    | {"layers", "loss", "optimizer", "inputs", "outputs", "summary", "predict", "evaluate"}
    | {"compute_loss", "train_step", "test_step"}
)
"""What every Keras model has."""

WRITTEN_METHODS = frozenset(
    {"build", "call", "quantize", "compute_mask", "compute_output_shape", "get_config", "from_config", "compute_loss",
     "train_step", "test_step"}
)  # fmt: skip
"""The methods that Keras calls by itself, or puts one of its own around."""

RENAMED_PARAMETERS = {"mask": "attention_mask"}
"""Arguments of `call` that Keras would fill in by itself, and their names in a port."""


def port_parameter(name: str, others: Container[str]) -> str:
    """The name in a port of an argument of `forward`, beside the others; with an underscore where it is taken."""
    wanted = RENAMED_PARAMETERS.get(name, name)
    return f"{name}_" if wanted != name and wanted in others else wanted


def torch_attribute(name: str) -> str:
    """PyTorch's name of an attribute of a port: `output` for `output_`."""
    return name[:-1] if name.endswith("_") and name[:-1] in MODEL_NAMES else name


def port_attribute(name: str, *, is_model: bool) -> str:
    """The name of PyTorch's attribute in a port: `output_` for `output`."""
    return f"{name}_" if name in (MODEL_NAMES if is_model else LAYER_NAMES) else name
