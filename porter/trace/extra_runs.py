"""Runs that enter the branches which plain inputs leave out: outputs, caches, embeddings, labels, training."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from porter.sample import RUN_ERRORS, Inputs

EMBEDDINGS = {"input_ids": "inputs_embeds", "decoder_input_ids": "decoder_inputs_embeds"}


def run_extras(model: Any, inputs: Inputs) -> None:
    """Try each extra run once; one that the model does not take says nothing. Leaves the model in eval mode."""
    plain = model(**inputs)
    inputs = _with_encoder_states(model, inputs)
    _attempt(lambda: _with_cache(model, inputs))
    _attempt(lambda: model(**_from_embeddings(model, inputs), return_dict=False))
    everything = {**inputs, "output_attentions": True, "output_hidden_states": True}
    if not _attempt(lambda: model(**everything, use_cache=False)):
        _attempt(lambda: model(**everything))
    model.train()
    try:
        if not any(_attempt(partial(model, **given)) for given in _with_labels(model, inputs, plain)):
            _attempt(lambda: model(**inputs))
        _other_problems(model, inputs, plain)
    finally:
        model.eval()


def _attempt(run: Callable[[], object]) -> bool:
    try:
        run()
    except RUN_ERRORS:
        return False
    return True


def _with_cache(model: Any, inputs: Inputs) -> None:
    """A second step with the last token and what the first step has cached."""
    import torch

    first = model(**inputs, use_cache=True)
    name = "decoder_input_ids" if "decoder_input_ids" in inputs else "input_ids"
    step = dict(inputs)
    step[name] = inputs[name][..., -1:]
    mask_name = name.replace("input_ids", "attention_mask")
    if mask_name in inputs:
        mask = inputs[mask_name]
        step[mask_name] = torch.cat([mask, mask.new_ones((*mask.shape[:-1], 1))], dim=-1)
    for other, value in inputs.items():
        same_length = other != mask_name and value.shape[1:2] == inputs[name].shape[1:2]
        if name == "input_ids" and same_length:
            step[other] = value[:, -1:]
    model(**step, past_key_values=first["past_key_values"], use_cache=True)


def _with_encoder_states(model: Any, inputs: Inputs) -> Inputs:
    """A decoder with cross attention looks at states of another length, the last of them padding."""
    import torch

    hidden = getattr(model.config, "hidden_size", None)
    accepted = inspect.signature(model.forward).parameters
    if "encoder_hidden_states" not in accepted or "decoder_input_ids" in accepted or hidden is None:
        return inputs
    batch, length = next(value.shape[:2] for value in inputs.values() if hasattr(value, "shape"))
    states = torch.sin(torch.arange(batch * (length + 1) * hidden)).reshape(batch, length + 1, hidden)
    mask = torch.ones(batch, length + 1, dtype=torch.int64)
    mask[:, -1] = 0
    more = {**inputs, "encoder_hidden_states": states, "encoder_attention_mask": mask}
    return more if _attempt(lambda: model(**more)) else inputs


def _from_embeddings(model: Any, inputs: Inputs) -> Inputs:
    """The same inputs with token ids looked up beforehand."""
    embedded = dict(inputs)
    accepted = inspect.signature(model.forward).parameters
    for name, replacement in EMBEDDINGS.items():
        if name in inputs and replacement in accepted:
            del embedded[name]
            embedded[replacement] = model.get_input_embeddings()(inputs[name])
    return embedded


def _with_labels(model: Any, inputs: Inputs, plain: Any) -> Iterator[Inputs]:
    """Inputs with every label argument filled, in the shapes that may fit, likeliest first."""
    import torch

    names = [name for name in inspect.signature(model.forward).parameters if _is_label(name) and name not in inputs]
    logits = next((value for key, value in plain.items() if "logits" in key and torch.is_tensor(value)), None)
    if not names or logits is None:
        return
    batch, classes = logits.shape[0], logits.shape[-1]
    shapes = [logits.shape[:-1], (batch,)]
    if "pixel_values" in inputs:
        shapes.append((batch, *inputs["pixel_values"].shape[-2:]))
    single = {n: torch.ones(batch, dtype=torch.int64) for n in names if n.endswith(("_label", "_positions"))}
    for shape in shapes:
        whole = torch.arange(int(torch.Size(shape).numel())).reshape(shape) % max(classes, 2)
        yield {**inputs, **dict.fromkeys(names, whole), **single}
    yield {**inputs, **{name: torch.zeros_like(logits) for name in names}, **single}


def _is_label(name: str) -> bool:
    return name.endswith(("labels", "label", "_positions"))


def _other_problems(model: Any, inputs: Inputs, plain: Any) -> None:
    """Sequence classification takes float labels too, when the configuration says so."""
    import torch

    logits = plain.get("logits") if hasattr(plain, "get") else None
    if not hasattr(model.config, "problem_type") or logits is None or logits.dim() != 2:
        return
    before = model.config.problem_type
    for problem in ("regression", "multi_label_classification"):
        model.config.problem_type = problem
        _attempt(lambda: model(**inputs, labels=torch.ones_like(logits)))
    model.config.problem_type = before
