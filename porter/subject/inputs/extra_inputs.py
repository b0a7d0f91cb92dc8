"""Inputs beside the plain ones, which make a model enter its other branches."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from porter.subject.inputs.arrays import Inputs
from porter.subject.inputs.input_sizes import input_sizes, layers_and_heads

EMBEDDINGS = {"input_ids": "inputs_embeds", "decoder_input_ids": "decoder_inputs_embeds"}

# Arguments that are caches, switches or labels: others give them their values.
_NOT_TENSORS = re.compile(r"past|cache|mems|state|^output_|^use_|^return_|^is_|^do_|labels?$")

# Arguments that are vectors between layers.
_VECTORS = re.compile(r"embeds$|embeddings$|hidden_states?$|latents$")

# Switches that every run is given or that a call of its own gives.
CALLERS = frozenset({"return_dict", "use_cache", "output_attentions", "output_hidden_states"})

_SWITCHES = ("<class 'bool'>", "bool", "bool | None", "Optional[bool]", "typing.Optional[bool]")

_INTEGERS = ("<class 'int'>", "int", "int | None", "Optional[int]", "typing.Optional[int]")

# Each makes other inputs out of (model, inputs, plain outputs); KeyError or AttributeError where it has none.
MAKERS: tuple[Callable[[Any, Inputs, Any], Inputs], ...] = (
    lambda model, inputs, plain: _embedded(model, inputs) | {"return_dict": False},
    lambda model, inputs, plain: _embedded(model, inputs),
    lambda model, inputs, plain: _with_optional_inputs(model, inputs),
    lambda model, inputs, plain: inputs | {"encoder_outputs": (plain["encoder_last_hidden_state"],)},
    lambda model, inputs, plain: _with_hidden_patches(model, inputs),
    lambda model, inputs, plain: _with_vectors_in_places(model, inputs),
    lambda model, inputs, plain: _enlarged(inputs) | {"interpolate_pos_encoding": True},
    lambda model, inputs, plain: _enlarged(inputs),
)


def accepted(model: Any) -> Mapping[str, inspect.Parameter]:
    """The parameters of the model's forward."""
    return inspect.signature(model.forward).parameters


def with_encoder_states(model: Any, inputs: Inputs) -> Inputs:
    """A decoder with cross attention looks at states of another length, the last of them padding."""
    import torch

    hidden = input_sizes(getattr(model, "config", None)).width
    names = accepted(model)
    if "encoder_hidden_states" not in names or "decoder_input_ids" in names or hidden is None:
        return inputs
    batch, length = next(value.shape[:2] for value in inputs.values() if torch.is_tensor(value))
    states = torch.sin(torch.arange(batch * (length + 1) * hidden)).reshape(batch, length + 1, hidden)
    mask = torch.ones(batch, length + 1, dtype=torch.int64)
    mask[:, -1] = 0
    return {**inputs, "encoder_hidden_states": states, "encoder_attention_mask": mask}


def without_optional(model: Any, inputs: Inputs) -> Iterator[Inputs]:
    """A plain module's inputs without one of those that forward can do without, such as targets."""
    from transformers import PreTrainedModel

    if isinstance(model, PreTrainedModel):
        return
    for name, parameter in accepted(model).items():
        if name in inputs and parameter.default is not parameter.empty:
            yield {other: value for other, value in inputs.items() if other != name}


def with_labels(model: Any, inputs: Inputs, plain: Any) -> Iterator[Inputs]:
    """Inputs with every label argument filled, in the shapes that may fit, likeliest first."""
    import torch

    names = [
        name for name in accepted(model) if name.endswith(("labels", "label", "_positions")) and name not in inputs
    ]
    logits = logits_of(plain)
    if not names or logits is None:
        return
    batch, classes = logits.shape[0], logits.shape[-1]
    if "labels" in names and "pred_boxes" in plain:
        yield {**inputs, "labels": _objects(batch, input_sizes(getattr(model, "config", None)).labels or classes)}
    shapes = [logits.shape[:-1], (batch,)]
    if "pixel_values" in inputs:
        shapes.append((batch, *inputs["pixel_values"].shape[-2:]))
    single = {n: torch.ones(batch, dtype=torch.int64) for n in names if n.endswith(("_label", "_positions"))}
    for name in names:  # the labels of other scores than `logits`, such as of choices
        scores = plain.get(name.replace("labels", "logits")) if hasattr(plain, "get") and name != "labels" else None
        if scores is not None and torch.is_tensor(scores):
            single[name] = torch.zeros(scores.shape[:-1], dtype=torch.int64)
    for shape in shapes:
        whole = torch.arange(int(torch.Size(shape).numel())).reshape(shape) % max(classes, 2)
        yield {**inputs, **dict.fromkeys(names, whole), **single}
    yield {**inputs, **dict.fromkeys(names, torch.zeros_like(logits)), **single}
    fewer = input_sizes(getattr(model, "config", None)).labels
    if fewer is not None and fewer < classes:  # logits that are not classes yet, such as embeddings
        yield {**inputs, **dict.fromkeys(names, torch.arange(batch) % fewer), **single}


def _objects(batch: int, classes: int) -> list[dict[str, Any]]:
    """Two objects in the first image, one more in each that follows: their classes, and boxes by centre and size."""
    import torch

    found = []
    for row in range(batch):
        places = torch.arange(row + 2)
        boxes = torch.stack([0.3 + 0.1 * places, 0.5 - 0.05 * places, 0.2 + 0.05 * places, 0.3 + 0.0 * places], dim=-1)
        found.append({"class_labels": places % classes, "boxes": boxes})
    return found


def guessed(model: Any, inputs: Inputs, plain: Any) -> Iterator[tuple[str, Inputs]]:
    """Inputs with one more optional argument each.

    A switch is turned the other way, or both ways where it has no default; a field of the configuration has its
    value there; a tensor has shapes and dtypes that its name and annotation suggest.
    """
    import torch

    first = next((value for value in inputs.values() if torch.is_tensor(value)), None)
    for name, parameter in accepted(model).items():
        if first is None or name in inputs or name in CALLERS:
            continue
        yield from ((f"{name}={value}", {**inputs, name: value}) for value in _turned(parameter))
        if parameter.default is not None:
            continue
        set_there = getattr(getattr(model, "config", None), name, None)
        if isinstance(set_there, int | float | str | list | tuple):
            yield name, {**inputs, name: set_there}
        untyped = parameter.annotation is parameter.empty and not _NOT_TENSORS.search(name)
        annotation = "Tensor" if untyped else str(parameter.annotation)
        if untyped or annotation.strip("'") in _INTEGERS:
            yield name, {**inputs, name: 2}
        if name.endswith("head_mask"):
            yield from ((name, {**inputs, name: value}) for value in _head_masks(getattr(model, "config", None)))
        if "Tensor" in annotation and not any(kind in annotation.lower() for kind in ("tuple", "list")):
            yield from ((name, {**inputs, name: value}) for value in _tensors(name, first, inputs, plain))
            yield from ((name, {**inputs, **given}) for given in _behind_the_encoder(model, name, plain))


def _head_masks(config: Any) -> Iterator[Any]:
    """Masks `(layers, heads)` without the last head of the last layer."""
    import torch

    for shape in layers_and_heads(config):
        mask = torch.ones(shape)
        mask[-1, -1] = 0
        yield mask


def _turned(parameter: inspect.Parameter) -> tuple[bool, ...]:
    """The values that a switch may have beside its default; none for what is not a switch."""
    if isinstance(parameter.default, bool):
        return (not parameter.default,)
    is_switch = str(parameter.annotation).strip("'") in _SWITCHES and parameter.default is None
    return (True, False) if is_switch else ()


def _tensors(name: str, first: Any, inputs: Inputs, plain: Any) -> Iterator[Any]:
    """Values for an optional tensor: masks are ones, vectors are drawn, everything else is zeros and ones in turn."""
    import torch

    if _VECTORS.search(name):
        yield from _vectors(name, plain)
    shapes = [first.shape[:2], first.shape[:1], torch.Size([1]), first.shape]
    if name.startswith("decoder_") and "decoder_input_ids" in inputs:
        shapes.insert(0, inputs["decoder_input_ids"].shape)
    pixels = inputs.get("pixel_values")
    if pixels is not None:
        sizes = pixels.shape[-2:]
        if name == "image_sizes":
            yield torch.tensor([list(sizes)] * pixels.shape[0])
        shapes.append(torch.Size([*pixels.shape[:-3], *sizes]))
    dtypes = (torch.int64, torch.bool) if "mask" in name or name.startswith("bool") else (torch.int64,)
    for shape in dict.fromkeys(shapes):
        values = torch.ones(shape) if "mask" in name else torch.arange(shape.numel()).reshape(shape) % 2
        yield from (values.to(dtype) for dtype in dtypes)


def _vectors(name: str, plain: Any) -> Iterator[Any]:
    """Vectors in the shapes of what the model itself gave: of its encoder first, or of its decoder."""
    import torch

    outputs = plain.items() if isinstance(plain, Mapping) else ()
    shapes = {key: value.shape for key, value in outputs if torch.is_tensor(value) and value.dim() == 3}
    decoder = name.startswith("decoder_")
    for key in sorted(shapes, key=lambda key: (("encoder" in key and "decoder" not in key) == decoder, key)):
        yield torch.sin(torch.arange(shapes[key].numel())).reshape(shapes[key])


def _behind_the_encoder(model: Any, name: str, plain: Any) -> Iterator[Inputs]:
    """Vectors with what the encoder made: it may take them in another form alone, as maps of several sizes."""
    states = plain.get("encoder_last_hidden_state") if isinstance(plain, Mapping) else None
    if states is not None and _VECTORS.search(name) and "encoder_outputs" in accepted(model):
        yield from ({name: value, "encoder_outputs": (states,)} for value in _vectors(name, plain))


def logits_of(plain: Any) -> Any:
    """The first output called logits, start_logits, ...; None where there is none."""
    import torch

    outputs = plain.items() if isinstance(plain, Mapping) else ()
    return next((value for key, value in outputs if "logits" in key and torch.is_tensor(value)), None)


def _embedded(model: Any, inputs: Inputs) -> Inputs:
    """Token ids looked up beforehand."""
    embedded = dict(inputs)
    for name, replacement in EMBEDDINGS.items():
        if name in inputs and replacement in accepted(model):
            embedded[replacement] = _embedding(model)(embedded.pop(name))
    return embedded


def _embedding(model: Any) -> Any:
    """The layer that looks up tokens: what the model says, else the first with a row for each of the vocabulary."""
    import torch

    try:
        return model.get_input_embeddings()
    except NotImplementedError:
        size = input_sizes(model.config).vocabulary
        tables = (each for each in model.modules() if isinstance(each, torch.nn.Embedding))
        return next(table for table in tables if table.num_embeddings == size)


def _with_optional_inputs(model: Any, inputs: Inputs) -> Inputs:
    """Positions and token types, which a model otherwise makes itself."""
    import torch

    ids = inputs["input_ids"]
    places = torch.arange(ids.shape[-1])
    optional = {"position_ids": places.expand(ids.shape), "token_type_ids": torch.zeros_like(ids)}
    optional["cache_position"] = places
    return {name: value for name, value in optional.items() if name in accepted(model)} | inputs


def _with_hidden_patches(model: Any, inputs: Inputs) -> Inputs:
    """Every other patch of the image masked."""
    import torch

    accepted(model)["bool_masked_pos"]
    pixels = inputs["pixel_values"]
    patches = pixels.shape[-1] * pixels.shape[-2] // model.config.patch_size**2
    return {**inputs, "bool_masked_pos": torch.arange(patches).expand(pixels.shape[0], patches) % 2 == 0}


def _with_vectors_in_places(model: Any, inputs: Inputs) -> Inputs:
    """Vectors for some of the tokens, and the mask that tells which: `x_embeds` and `x_embeds_position_mask`."""
    import torch

    ids = inputs["input_ids"]
    names = accepted(model)
    masks = {n: mask for n in names for mask in names if n.endswith("_embeds") and re.fullmatch(f"{n}_.*mask", mask)}
    if not masks:
        raise KeyError("mask")
    width = _embedding(model).embedding_dim
    mask = (torch.arange(ids.shape[1]) < 2).to(torch.int64).expand(ids.shape)
    vectors = torch.sin(torch.arange(ids.shape[0] * 2 * width)).reshape(ids.shape[0], 2, width)
    return {**inputs, **dict.fromkeys(masks, vectors), **dict.fromkeys(masks.values(), mask)}


def _enlarged(inputs: Inputs) -> Inputs:
    """Images of twice the height and width."""
    pixels = inputs["pixel_values"]
    return {**inputs, "pixel_values": pixels.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2)}
