"""What generated models import: a small TensorFlow base on Keras 3.

It works where PyTorch is not installed. Names are loaded when they are first asked for, so that tools which only read
the table of layouts or a checkpoint do not load TensorFlow.
"""

import importlib
from typing import Any

_MODULES = {
    "activations": ("get_tf_activation",),
    "calling": ("merge_with_config_defaults", "unpack_inputs"),
    "capturing": ("OutputRecorder", "capture_outputs"),
    "layers": ("TiedDense",),
    "losses": (
        "BCELoss",
        "BCEWithLogitsLoss",
        "CTCLoss",
        "CrossEntropyLoss",
        "HuberLoss",
        "KLDivLoss",
        "L1Loss",
        "MSELoss",
        "NLLLoss",
        "SmoothL1Loss",
    ),
    "modeling": ("TFPreTrainedModel",),
    "ops": ("dropout", "shape_list"),
    "serialization": ("keras_serializable",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}
EXPORTED = frozenset(_HOMES)
"""What generated files can import from here, besides the outputs."""


def __getattr__(name: str) -> Any:
    module = _HOMES.get(name, "outputs" if name.startswith("TF") else None)
    if module is None:
        raise AttributeError(f"porter.runtime has no {name}")
    return getattr(importlib.import_module(f"porter.runtime.{module}"), name)
