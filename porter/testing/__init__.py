"""What the tests that porter writes beside a port import."""

from porter.subject.case import Case, InputSpec, ModelCase
from porter.subject.inputs.arrays import numpy_inputs
from porter.subject.inputs.variation import checked_variation, torch_inputs
from porter.subject.ported_module import save_model
from porter.subject.strong_weights import strengthen
from porter.subject.torch_model import build_config
from porter.testing.labels import labelled_inputs
from porter.testing.model_pair import ModelPair
from porter.testing.module_pair import ModulePair, torch_module
from porter.testing.placement_checks import split_processor
from porter.testing.uses import USES
from porter.testing.verdict import Verdict

__all__ = [
    "USES",
    "Case",
    "InputSpec",
    "ModelCase",
    "ModelPair",
    "ModulePair",
    "Verdict",
    "build_config",
    "checked_variation",
    "labelled_inputs",
    "numpy_inputs",
    "save_model",
    "split_processor",
    "strengthen",
    "torch_inputs",
    "torch_module",
]
