"""Runs that enter the branches which plain inputs leave out: outputs, caches, embeddings, labels, training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from porter.subject.inputs.arrays import Inputs, numpy_inputs
from porter.subject.inputs.extra_inputs import (
    MAKERS,
    guessed,
    logits_of,
    with_encoder_states,
    with_labels,
    without_optional,
)
from porter.subject.inputs.modalities import modalities_of
from porter.subject.inputs.placeholders import BEHIND, placeholders_of
from porter.subject.inputs.states import given_states, steps_from
from porter.subject.inputs.variation import torch_inputs
from porter.subject.torch_model import RUN_ERRORS


def guesses_that_run(model: Any, inputs: Inputs, rows: int) -> list[Inputs]:
    """Of the values that each optional argument may have, the first that the model takes; images in `rows` rows."""
    import torch

    found: dict[str, Inputs] = {}
    for modality in modalities_of(model):
        sets = (torch_inputs(model, numpy_inputs(s)) for s in placeholders_of(model, modality, rows, BEHIND + rows))
        taken = next((given for given in sets if _attempt(partial(model, **given))), None)
        if taken is not None:
            found[modality.argument] = taken
    with torch.no_grad():
        plain = model(**inputs)
    for name, given in guessed(model, inputs, plain):
        if name not in found and _attempt(partial(model, **given)):
            found[name] = given
    return list(found.values())


def run_extras(model: Any, inputs: Inputs, guesses: Sequence[Inputs] = ()) -> None:
    """Try each extra run once, and the guesses; one that the model does not take says nothing.

    Leaves the model in eval mode.
    """
    plain = model(**inputs)
    more = with_encoder_states(model, inputs)
    if _attempt(partial(model, **more)):
        inputs = more
    for fewer in without_optional(model, inputs):
        _attempt(partial(model, **fewer))
    _run_on(model, inputs)
    for maker in MAKERS:
        _attempt(lambda maker=maker: model(**maker(model, inputs, plain)))  # type: ignore[misc]
    for given in guesses:
        _attempt(partial(model, **given))
    everything = {**inputs, "output_attentions": True, "output_hidden_states": True}
    if not _attempt(partial(model, **everything, use_cache=False)):
        _attempt(partial(model, **everything))
    model.train()
    try:
        _train(model, inputs, plain)
    finally:
        model.eval()


def _run_on(model: Any, inputs: Inputs) -> None:
    """A step from what a call before it gave, as far as there is such."""
    _, states = given_states(model, inputs)
    for step in steps_from(inputs, states) if states else ():
        if _attempt(partial(model, **step)):
            return
        _, states = given_states(model, inputs)


def run_backward(model: Any, inputs: Inputs) -> None:
    """Follow the gradients of all outputs back, for what only runs then."""
    import torch
    from torch.utils import _pytree as trees

    def back() -> None:
        with torch.enable_grad():
            outputs = [leaf for leaf in trees.tree_leaves(model(**inputs)) if isinstance(leaf, torch.Tensor)]
            torch.autograd.backward([leaf.sum() for leaf in outputs if leaf.requires_grad])

    _attempt(back)
    model.zero_grad()


def _train(model: Any, inputs: Inputs, plain: Any) -> None:
    labelled = next((given for given in with_labels(model, inputs, plain) if _attempt(partial(model, **given))), None)
    if labelled is None:
        _attempt(partial(model, **inputs))
    elif "decoder_input_ids" in labelled and hasattr(model, "config"):
        del labelled["decoder_input_ids"]
        with _set(model.config, decoder_start_token_id=0, pad_token_id=0):
            _attempt(partial(model, **labelled))
    logits = logits_of(plain)
    if logits is not None and logits.dim() == 2 and hasattr(getattr(model, "config", None), "problem_type"):
        for problem in ("regression", "multi_label_classification"):
            with _set(model.config, problem_type=problem):
                _attempt(partial(model, **inputs, labels=logits * 0 + 1))


def _attempt(run: Callable[[], object]) -> bool:
    try:
        run()
    except RUN_ERRORS:
        return False
    return True


@contextmanager
def _set(config: Any, **values: object) -> Iterator[None]:
    """Fields that the configuration has, changed for a while."""
    before = {name: getattr(config, name) for name in values if hasattr(config, name)}
    try:
        for name in before:
            setattr(config, name, values[name])
        yield
    finally:
        for name, value in before.items():
            setattr(config, name, value)
