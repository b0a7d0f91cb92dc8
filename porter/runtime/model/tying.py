"""Weights that are one and the same: an output projection and the embedding, two biases, two whole blocks.

`_tied_weights_keys` maps PyTorch's target name to its source, as in transformers 5: full names, or modules and regular
expressions that stand for many parameters. An entry counts only where the layer's config says `tie_word_embeddings`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from types import MethodType

import keras
import tensorflow as tf

from porter.runtime.keras_internals import set_untracked, untrack_variable
from porter.runtime.layers.build_rest import made_now
from porter.runtime.layers.dense import TiedDense
from porter.runtime.model.declared_ties import declared_weight
from porter.runtime.model.names import NamedVariable, named_layers, named_variables, own_variables
from porter.runtime.port_errors import WrongValue

_OWNER = "owner"  # the attribute of a tensor that says which variable it was read from
_FULL_NAME = re.compile(r"^[A-Za-z0-9_.]+(weight|bias)$")


@dataclass(frozen=True)
class Tie:
    """The weight `name` of the layer that has this is another layer's weight `source_name`, or the variable itself."""

    name: str
    source: keras.Layer | keras.Variable
    source_name: str


def tie(
    target: keras.Layer,
    source: keras.Layer | keras.Variable | tf.Tensor,
    name: str = "weight",
    source_name: str | None = None,
) -> None:
    """`target.weight = source.weight` of a constructor: one weight for both layers when the model is built.

    Args:
        target: the layer that gives up its own.
        source: the layer whose weight it is, or the weight itself. A tensor that is not a layer's weight changes
            nothing: it would only be the initial value of the target's.
        name: PyTorch's name of the weight in the target.
        source_name: its name in the source, if that is another.
    """
    source = getattr(source, _OWNER, source)
    if not isinstance(source, (keras.Layer, keras.Variable)):
        return
    known = [each for each in vars(target).get("ties", ()) if each.name != name]
    set_untracked(target, "ties", (*known, Tie(name, source, source_name or name)))


def weight_of(layer: keras.Layer) -> keras.Variable | tf.Tensor:
    """PyTorch's `layer.weight` where a constructor hands it on: as it lies there, and `tie` knows whose it is."""
    owned = own_variables(made_now(layer))
    layout, variable = next((layout, variable) for name, layout, variable, _ in owned if name == "weight")
    if not layout.torch_axes:
        return variable
    weight = tf.transpose(variable, layout.to_torch_permutation)
    setattr(weight, _OWNER, variable)
    return weight


def tied_names(root: keras.Layer, names: Iterable[str] = ()) -> dict[str, str]:
    """`{target: source}` in PyTorch's names: by constructors, and by every model inside whose configuration ties.

    Args:
        root: a model, built or not.
        names: names of all parameters of `root`. Entries that stand for many parameters need them; without names
            (the model is not built) such entries are left out.

    Raises:
        WrongValue: an entry's targets and sources do not match in number.
    """
    known = sorted(names)
    layers = dict(named_layers(root))
    tied = dict(_tied_by_constructors(layers))
    for path, layer in layers.items():
        mapping = _tied_by_configuration(layer)
        prefix = f"{path}." if path else ""
        inside = [name.removeprefix(prefix) for name in known if name.startswith(prefix)]
        for target, source in _expanded(mapping, inside).items():
            tied.setdefault(prefix + target, prefix + source)
    tied = dict(_borrower_first(target, source, layers) for target, source in tied.items())
    return {target: _final_source(source, tied) for target, source in tied.items()}


def _tied_by_constructors(layers: Mapping[str, keras.Layer]) -> Iterator[tuple[str, str]]:
    paths: dict[int, str] = {}
    for path, layer in layers.items():
        paths.setdefault(id(layer), path)
    for path, layer in layers.items():
        for each in vars(layer).get("ties", ()):
            source = _source_name(each, layers, paths)
            if paths.get(id(layer)) == path and source is not None:
                yield _below(path, each.name), source


def _source_name(tie: Tie, layers: Mapping[str, keras.Layer], paths: Mapping[int, str]) -> str | None:
    """PyTorch's name of the weight that a tie takes; None where no layer of the model has it."""
    if isinstance(tie.source, keras.Layer):
        return _below(paths[id(tie.source)], tie.source_name) if id(tie.source) in paths else None
    owned = ((path, own) for path, layer in layers.items() for own in own_variables(layer))
    return next((_below(path, name) for path, (name, _, variable, _) in owned if variable is tie.source), None)


def _tied_by_configuration(layer: keras.Layer) -> Mapping[str, str]:
    """What a model's class ties where its configuration asks for it.

    A list names targets alone, as before transformers 5: what shares its weight with the input embeddings.
    """
    declared = getattr(layer, "_tied_weights_keys", None)
    if not declared or not getattr(getattr(layer, "config", None), "tie_word_embeddings", False):
        return {}
    if isinstance(declared, Mapping):
        return declared
    try:
        embeddings = layer.get_input_embeddings()
    except NotImplementedError:  # such a class ties by itself
        return {}
    source = next((path for path, below in named_layers(layer) if below is embeddings), None)
    targets = [name for name in map(declared_weight, declared) if name and name != f"{source}.weight"]
    return dict.fromkeys(targets, f"{source}.weight") if source is not None else {}


def _borrower_first(target: str, source: str, layers: Mapping[str, keras.Layer]) -> tuple[str, str]:
    """A dense layer can borrow from an embedding, an embedding owns its weight."""
    embedding, dense = _owner(layers, target), _owner(layers, source)
    swapped = isinstance(embedding, keras.layers.Embedding) and isinstance(dense, TiedDense)
    return (source, target) if swapped else (target, source)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _expanded(mapping: Mapping[str, str], names: list[str]) -> dict[str, str]:
    expanded: dict[str, str] = {}
    for target_pattern, source_pattern in mapping.items():
        if _FULL_NAME.match(target_pattern) and _FULL_NAME.match(source_pattern):
            expanded[target_pattern] = source_pattern
            continue
        targets = [name for name in names if re.match(target_pattern, name)]
        sources = [name for name in names if re.match(source_pattern, name)]
        if names and (not sources or not targets or len(targets) % len(sources)):
            raise WrongValue(
                f"_tied_weights_keys ties {target_pattern!r} to {source_pattern!r}, which stand for {len(targets)} "
                f"and {len(sources)} parameters."
            )
        for target, source in zip(targets, cycle(sources), strict=False):
            expanded[target] = expanded.get(source, source)
    return expanded


def _final_source(source: str, tied: Mapping[str, str]) -> str:
    passed = set()
    while source in tied and source not in passed:
        passed.add(source)
        source = tied[source]
    return source


def borrow_embeddings(root: keras.Layer, *, untied: Iterable[str] = ()) -> dict[str, str]:
    """Let every tied `TiedDense` read its kernel from its source embedding. Needs no variables.

    Args:
        root: a model, built or not.
        untied: targets that keep a kernel of their own although the config ties them.

    Returns:
        `{target: source}` of the pairs that are connected.
    """
    layers = dict(named_layers(root))
    connected: dict[str, str] = {}
    for target, source in tied_names(root).items():
        dense, embedding = _owner(layers, target), _owner(layers, source)
        if not isinstance(dense, TiedDense) or not isinstance(embedding, keras.layers.Embedding):
            continue
        if not target.endswith(".weight"):
            continue
        if target in untied:
            dense.borrow(None)
        else:
            dense.borrow(embedding)
            connected[target] = source
    return connected


def _owner(layers: Mapping[str, keras.Layer], name: str) -> keras.Layer | None:
    return layers.get(name.rpartition(".")[0])


def tie_variables(root: keras.Layer, *, untied: Iterable[str] = ()) -> dict[str, str]:
    """Make the tied variables of a model one variable each; a second call changes nothing.

    Before the model is built only dense layers that borrow from embeddings can be tied.

    Returns:
        `{target: source}` of all ties of the model, borrowed embeddings included.

    Raises:
        WrongValue: a source does not exist, or target and source differ in shape or layout.
    """
    kept = set(untied)
    connected = borrow_embeddings(root, untied=kept)
    known = {**getattr(root, "all_tied_weights_keys", {}), **connected}
    for target in kept:
        known.pop(target, None)
    if not root.built:  # constructors may have made some variables, never all
        return connected
    variables = named_variables(root)
    layers = dict(named_layers(root))
    for target, source in tied_names(root, (*variables, *known)).items():
        if target in kept or target in connected:
            continue
        if target in variables:
            if source not in variables:
                raise WrongValue(f"{target} is tied to {source}, which is not a weight of {type(root).__name__}.")
            _share(variables[target], variables[source])
        elif source in variables:
            _refer(_owner(layers, target), target.rpartition(".")[2], variables[source])
        known[target] = source
    return known


def _refer(layer: keras.Layer | None, attribute: str, source: NamedVariable) -> None:
    """Give a layer that has no such weight of its own the source's, where both frameworks keep it alike."""
    if layer is not None and getattr(layer, attribute, None) is None and not source.layout.keras_axes:
        set_untracked(layer, attribute, source.variable)


def _share(target: NamedVariable, source: NamedVariable) -> None:
    """Put the source's variable in the target's place; the target's own variable is dropped."""
    if target.variable is source.variable:
        return
    same_axes = target.layout.keras_axes == source.layout.keras_axes or len(target.variable.shape) == 1
    if not same_axes and isinstance(target.layer, TiedDense) and isinstance(source.layer, keras.layers.Embedding):
        target.layer.borrow(source.layer)
        return
    if not same_axes or tuple(target.variable.shape) != tuple(source.variable.shape):
        raise WrongValue(
            f"{target.name} {target.torch_shape} cannot be tied to {source.name} {source.torch_shape}: "
            f"{type(target.layer).__name__} and {type(source.layer).__name__} keep it differently."
        )
    untrack_variable(target.layer, target.variable)
    # The source layer keeps track of the variable: one owner is enough.
    set_untracked(target.layer, target.attribute, source.variable)
    # Keras' Dense and Embedding save what they hold; the source saves what is shared.
    for method in ("save_own_variables", "load_own_variables"):
        set_untracked(target.layer, method, MethodType(getattr(keras.Layer, method), target.layer))
