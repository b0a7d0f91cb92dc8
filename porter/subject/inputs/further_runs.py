"""Calls beside the plain one on which a port is compared: labels, caches, embeddings, padding on the left."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from porter.base.reasons import reason
from porter.subject.inputs.arrays import Inputs, numpy_inputs
from porter.subject.inputs.extra_inputs import MAKERS, accepted, guessed, with_encoder_states, with_labels
from porter.subject.inputs.modalities import modalities_of
from porter.subject.inputs.placeholders import placeholders_of
from porter.subject.inputs.states import PAST, given_states, steps_from
from porter.subject.inputs.variation import torch_inputs
from porter.subject.torch_model import RUN_ERRORS

LEFT, CERTAIN = "padded on the left", "with other inputs"
ALWAYS = (LEFT,)


@dataclass(frozen=True)
class FurtherRun:
    """One more call of a model: with what it is given, and what PyTorch gives.

    Attributes:
        name: what it is called in reports.
        inputs: arrays and plain values by argument name.
        expected: PyTorch's outputs.
        before: the inputs of a call that comes first; None where there is none.
        fed_back: the outputs of that call, such as a cache, which this one is given under the same names.
    """

    name: str
    inputs: Inputs
    expected: Any
    before: Inputs | None = None
    fed_back: tuple[str, ...] = ()

    @property
    def given(self) -> list[str]:
        """The arguments that have a value."""
        return [*(name for name, value in self.inputs.items() if value is not None), *self.fed_back]


def further_runs(model: Any, inputs: Inputs) -> tuple[list[FurtherRun], dict[str, str]]:
    """The calls that PyTorch runs, each with its outputs; and the arguments that it refuses here, with its reason.

    An argument counts as refused only where the value that was tried is sure to be of the right kind and size.

    Args:
        model: the PyTorch model, in eval mode.
        inputs: tensors and plain values of the plain call.
    """
    import torch

    runs: list[FurtherRun] = []
    refused: dict[str, str] = {}
    with torch.no_grad():
        for name, make in _makers(model, inputs, model(**copy.deepcopy(inputs))):
            given = _made(model, make)
            new = set(given) - set(inputs).union(*(run.inputs for run in runs))
            if given and (new or name in ALWAYS or "=" in name):
                expected = _tried(model, given)
                if isinstance(expected, Exception):
                    known = new.intersection(accepted(model)) if name == CERTAIN else ()
                    refused |= dict.fromkeys(known, reason(expected))
                else:
                    runs.append(FurtherRun(name, {key: _plain(value) for key, value in given.items()}, expected))
        runs += _continued(model, with_encoder_states(model, inputs)) or _continued(model, inputs)
    reached = {name for run in runs for name in run.given}
    return runs, {name: reason for name, reason in refused.items() if name not in reached}


def _makers(model: Any, inputs: Inputs, plain: Any) -> Iterator[tuple[str, Callable[[], Inputs]]]:
    """What may be given, by name; making it fails where it has no meaning for the model."""
    for labelled in with_labels(model, inputs, plain):
        yield "with labels", partial(dict, labelled)
    yield LEFT, lambda: _padded_left(inputs)
    yield CERTAIN, lambda: with_encoder_states(model, inputs)
    for maker in MAKERS:
        yield CERTAIN, lambda maker=maker: maker(model, inputs, plain)  # type: ignore[misc]
    for modality in modalities_of(model):
        for specs in placeholders_of(model, modality):
            yield f"with {modality.argument}", partial(torch_inputs, model, numpy_inputs(specs))
    for name, given in guessed(model, inputs, plain):
        yield f"with {name}", partial(dict, given)


def _made(model: Any, make: Callable[[], Inputs]) -> Inputs:
    """The inputs, if they can be made and the model's forward has a parameter for each."""
    try:
        given = make()
    except RUN_ERRORS:
        return {}
    return given if set(given) <= {*accepted(model), *_of_every_model(model)} else {}


def _of_every_model(model: Any) -> set[str]:
    """What transformers' decorators take, whatever the model's own forward does."""
    from transformers import PreTrainedModel

    return {"return_dict"} if isinstance(model, PreTrainedModel) else set()


def _tried(model: Any, given: Inputs) -> Any:
    """PyTorch's outputs, or what it raised; it may write into what it is given, which the port is given too."""
    try:
        return model(**copy.deepcopy(given))
    except RUN_ERRORS as error:
        return error


def _padded_left(inputs: Inputs) -> Inputs:
    mask = inputs["attention_mask"].clone()
    mask[-1] = mask[-1].flip(-1)
    if bool((mask == inputs["attention_mask"]).all()):
        raise KeyError("attention_mask")
    return {**inputs, "attention_mask": mask}


def gives_cache(model: Any, inputs: Inputs) -> bool:
    """Whether the model gives a cache when it is asked for one, in the configuration that it has."""
    import torch

    try:
        with torch.no_grad():
            return model(**inputs, use_cache=True)[PAST] is not None
    except RUN_ERRORS:
        return False


def _continued(model: Any, inputs: Inputs) -> list[FurtherRun]:
    """The last token alone, from what the call before it gave; nothing where that gave nothing to go on from."""
    before, states = given_states(model, inputs)
    for step in steps_from(inputs, states) if states else ():
        expected = _tried(model, step)
        if not isinstance(expected, Exception):
            rest = {key: _plain(value) for key, value in step.items() if key not in states}
            first = {key: _plain(value) for key, value in before.items()}
            name = "from the cache" if PAST in states else f"from {', '.join(states)}"
            return [FurtherRun(name, rest, expected, first, tuple(states))]
    return []


def _plain(value: Any) -> Any:
    """The same with numpy arrays for tensors."""
    import torch

    if torch.is_tensor(value):
        return np.ascontiguousarray(value.detach().numpy())
    if isinstance(value, tuple | list):
        return type(value)(_plain(item) for item in value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value
