"""Stored weights into a built model, and out of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from porter.runtime.model.completed import CompletedModel
from porter.runtime.model.names import NamedVariable, aliases, named_variables, placed_layers
from porter.runtime.stored.conversions import Conversion, ModelShapes, forms
from porter.runtime.stored.layouts import Layout
from porter.runtime.stored.pairing import Pairing, Rename, Scope, Target, pair, rename_all
from porter.runtime.stored.stored_expressions import Converted
from porter.runtime.stored.tensor_source import Checkpoint, CheckpointError, contiguous

logger = logging.getLogger(__name__)

# Buffers that PyTorch's models once saved and now compute.
FORMER_BUFFERS = (r"(^|\.)position_ids$", r"rotary_emb\.inv_freq$", r"(^|\.)num_batches_tracked$")


@dataclass(frozen=True)
class LoadingInfo:
    """How a checkpoint and a model fit together, in the checkpoint's names.

    Attributes:
        missing_keys: weights of the model that the checkpoint lacks; they keep their fresh values.
        unexpected_keys: tensors of the checkpoint that the model has no place for.
        mismatched_keys: `(name, shape in the checkpoint, shape in the model)` with PyTorch's axes.
    """

    missing_keys: tuple[str, ...]
    unexpected_keys: tuple[str, ...]
    mismatched_keys: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    def to_dict(self) -> dict[str, Any]:
        """As transformers gives it with `output_loading_info=True`."""
        return {key: list(value) for key, value in asdict(self).items()}


def torch_targets(model: Any) -> tuple[dict[str, Target], dict[str, NamedVariable]]:
    """The model's variables as places for PyTorch's tensors, by PyTorch's names."""
    named = named_variables(model)
    return {name: _target(entry, entry.layout) for name, entry in named.items()}, named


def keras_targets(model: Any) -> tuple[dict[str, Target], dict[str, NamedVariable]]:
    """The model's variables as places for saved TensorFlow weights, by path below the model."""
    named = {entry.path: entry for entry in named_variables(model).values()}
    return {path: _target(entry, Layout(path)) for path, entry in named.items()}, named


def weight_axes(root: Any) -> dict[str, tuple[int, ...]]:
    """How `numpy.transpose` makes each weight of a built port from PyTorch's, by all its PyTorch names.

    Of a model that `porter.runtime` does not load, the table of layouts knows nothing: empty.
    """
    if not isinstance(root, CompletedModel):
        return {}
    axes = {
        name: entry.layout.to_keras_permutation or tuple(range(len(entry.variable.shape)))
        for name, entry in named_variables(root).items()
    }
    return axes | {other: axes[name] for other, name in aliases(root).items()}


def _target(entry: NamedVariable, layout: Layout) -> Target:
    return Target(entry.path, tuple(entry.variable.shape), entry.variable.dtype, layout)


def load_tensors(checkpoint: Checkpoint, pairing: Pairing, named: Mapping[str, NamedVariable]) -> None:
    """Carry out a pairing: read, transpose, cast to the variable's type, assign, one tensor at a time.

    Raises:
        CheckpointError: tensors that the model keeps as one differ in the checkpoint.
    """
    for tied, owner in pairing.duplicates:
        if not np.array_equal(checkpoint.read(tied), checkpoint.read(owner)):
            raise CheckpointError(
                f"{tied} and {owner} are one weight in this model and differ in the checkpoint.",
                hint="set tie_word_embeddings to false in its config.json",
            )
    for move in pairing.moves:
        variable = named[move.name].variable
        array = move.target.layout.to_keras(checkpoint.read(move.source))
        variable.assign(contiguous(array).astype(variable.dtype, copy=False))


def differing_ties(checkpoint: Checkpoint, tied: Mapping[str, str]) -> frozenset[str]:
    """Tied names that the checkpoint holds beside their source with other numbers: those must not be tied."""
    tensors = checkpoint.tensors
    return frozenset(
        target
        for target, source in tied.items()
        if target in tensors
        and source in tensors
        and not np.array_equal(checkpoint.read(target), checkpoint.read(source))
    )


def loading_info(model: Any, pairing: Pairing, *, from_pt: bool) -> LoadingInfo:
    """What to report of a pairing, without what the model's class says is of no concern."""
    unexpected = pairing.unexpected
    if from_pt:
        own = named_variables(model)
        former = [pattern for pattern in FORMER_BUFFERS if not any(re.search(pattern, name) for name in own)]
        unexpected = _without(unexpected, (*(model._keys_to_ignore_on_load_unexpected or ()), *former))
    return LoadingInfo(
        missing_keys=_without(pairing.missing, model._keys_to_ignore_on_load_missing or ()),
        unexpected_keys=unexpected,
        mismatched_keys=tuple((each.name, each.found, each.wanted) for each in pairing.mismatched),
    )


def _without(names: Iterable[str], patterns: Iterable[str]) -> tuple[str, ...]:
    ignored = [re.compile(pattern) for pattern in patterns]
    return tuple(name for name in names if not any(pattern.search(name) for pattern in ignored))


def check(model: Any, pairing: Pairing, info: LoadingInfo, *, ignore_mismatched: bool, complete: bool = False) -> None:
    """Refuse shapes that do not fit and checkpoints that have nothing to do with the model; log the rest.

    Args:
        model: the model that is loaded.
        pairing: what goes where.
        info: what is to be told of it.
        ignore_mismatched: whether weights of other shapes are only logged.
        complete: whether the same class wrote the checkpoint: then every weight must be found and used.

    Raises:
        CheckpointError: with the first weights that do not fit.
    """
    name = type(model).__name__
    lost = (*info.missing_keys, *info.unexpected_keys)
    if complete and lost:
        raise CheckpointError(
            f"{name} wrote this checkpoint, but {len(info.missing_keys)} of its weights are not found in it and "
            f"{len(info.unexpected_keys)} tensors are not used, such as {lost[0]}.",
            hint="were the file and the config written together, and by this version of the modeling file?",
        )
    if pairing.mismatched and not ignore_mismatched:
        raise CheckpointError(
            f"{len(pairing.mismatched)} weights do not fit {name}: {pairing.mismatched[0]}.",
            hint="check the config, or pass ignore_mismatched_sizes=True to draw them anew",
        )
    if not pairing.moves and pairing.missing:
        raise CheckpointError(f"The checkpoint holds none of the weights of {name}, such as {pairing.missing[0]}.")
    for key, parts in pairing.absent.items():
        logger.warning("%s: %s cannot be made, the checkpoint lacks %s", name, key, parts)
    if info.missing_keys:
        logger.warning("%s: %d weights are not in the checkpoint: %s", name, len(info.missing_keys), info.missing_keys)
    if info.unexpected_keys:
        logger.info("%s has no place for %d tensors: %s", name, len(info.unexpected_keys), info.unexpected_keys)


def converted(checkpoint: Checkpoint, model: Any) -> Converted:
    """PyTorch's checkpoint with its tensors in the form that a built model has them; nothing is read.

    Raises:
        CheckpointError: tensors that are to become one do not fit together.
    """
    shapes = {name: entry.torch_shape for name, entry in named_variables(model).items()}
    renames = list(checkpoint_renames(model))
    about = ModelShapes(shapes, model.base_model_prefix, model.config)
    conversions = list(checkpoint_conversions(model))
    found = forms(checkpoint.tensors, about, lambda name: rename_all(name, renames), conversions)
    return Converted(checkpoint, found.made, found.absent)


def paired(model: Any, checkpoint: Checkpoint, *, from_pt: bool) -> tuple[Pairing, dict[str, NamedVariable]]:
    """Pair a checkpoint with a built model, by PyTorch's names or by variable paths."""
    if not from_pt:
        targets, named = keras_targets(model)
        return pair(checkpoint.tensors, targets, "", {}), named
    targets, named = torch_targets(model)
    made, absent = (checkpoint.made, checkpoint.absent) if isinstance(checkpoint, Converted) else ({}, {})
    renames = list(checkpoint_renames(model))
    prefix, tied = model.base_model_prefix, {**aliases(model), **model.all_tied_weights_keys}
    return replace(pair(checkpoint.tensors, targets, prefix, tied, renames, made), absent=absent), named


def checkpoint_renames(model: Any) -> Iterator[Rename]:
    """The renames that the model and the models inside it declare as `_checkpoint_renames`, outermost first."""
    for scope, declared in _declarations(model, "_checkpoint_renames"):
        yield from (Rename(scope, pattern, replacement) for pattern, replacement in declared)


def checkpoint_conversions(model: Any) -> Iterator[Conversion]:
    """The conversions that the model and the models inside it declare as `_checkpoint_conversions`."""
    for scope, declared in _declarations(model, "_checkpoint_conversions"):
        yield from (Conversion.declared(scope, entry) for entry in declared)


def _declarations(model: Any, attribute: str) -> Iterator[tuple[Scope, list[Any]]]:
    """What each layer declares, unless a layer around it declares the same."""
    known: list[tuple[str, list[Any]]] = []
    for place in placed_layers(model):
        declared = getattr(place.layer, attribute, None)
        outer = (name for name, other in known if other == declared)
        if declared and not any(name in ("", place.name) or place.name.startswith(f"{name}.") for name in outer):
            known.append((place.name, declared))
            yield Scope(place.name, model.base_model_prefix), declared
