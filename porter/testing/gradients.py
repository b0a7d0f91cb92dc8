"""The gradients of a PyTorch model and of its port, compared as `porter diff --gradients` compares them."""

from __future__ import annotations

from typing import Any

from diffcheck.compare.pair import Pairing
from diffcheck.judge.training_step import compare_backward
from diffcheck.record import tf_side
from diffcheck.record.sides import Sides
from porter.runtime.model.loading import weight_axes
from porter.runtime.model.names import aliases, named_variables
from porter.subject.inputs.arrays import Inputs
from porter.testing.verdict import Verdict


def compare_gradients(pytorch: Any, tensorflow: Any, inputs: Inputs) -> Verdict:
    """Whether the gradient of each parameter is PyTorch's: of the model's loss, else of its outputs.

    The weights are paired by the names that the port itself gives them. Neither model is changed.
    """
    paths = {id(variable): path for path, variable in tf_side.variables(tensorflow).items()}
    pairs = {name: paths[id(entry.variable)] for name, entry in named_variables(tensorflow).items()}
    pairs |= {other: pairs[name] for other, name in aliases(tensorflow).items()}
    pairing = Pairing(pairs, {}, (), weight_axes(tensorflow))
    (found,) = compare_backward(Sides(pytorch, tensorflow), inputs, pairing, (False,))
    if not found.gradients.tensors:
        return Verdict(lacks="nothing that it puts out depends on a parameter")
    if found.matches:
        return Verdict(remark=found.widened())
    return Verdict(problem=" ".join(found.differences()[:3]))
