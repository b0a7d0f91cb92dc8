"""Which tensor of a PyTorch checkpoint becomes which TensorFlow variable; nothing is read and nothing moves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from porter.base.errors import UsageError
from porter.runtime.stored.layouts import Layout
from porter.runtime.stored.pairing import Move, Pairing, Target, problems
from porter.runtime.stored.stored_expressions import Converted, Expression, from_json
from porter.runtime.stored.tensor_source import Checkpoint, CheckpointError, TensorInfo, numpy_dtype, same_bits

SCHEMA = 1
SHOWN = 8


@dataclass(frozen=True)
class Plan:
    """A complete pairing and the model it is for.

    Attributes:
        class_name: the TensorFlow class, `"TFBertModel"`.
        model_type: of its configuration.
        pairing: every variable of it with its tensor.
        stored: the checkpoint's tensors, by name; those that it holds in another form, in the model's.
        made: how to compute those that it holds in another form.
        empty_groups: groups that a `tf_model.h5` of the class holds without weights.
    """

    class_name: str
    model_type: str
    pairing: Pairing
    stored: Mapping[str, TensorInfo]
    made: Mapping[str, Expression] = field(default_factory=dict)
    empty_groups: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON, to be carried out where there is no TensorFlow."""
        made = {name: expression.to_json() for name, expression in self.made.items()}
        return {"schema": SCHEMA, **asdict(replace(self, made={})), "made": made}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """The reverse of `to_json`.

        Raises:
            UsageError: it is not a plan of this version.
        """
        if data.get("schema") != SCHEMA:
            raise UsageError("This is not a plan of this version of porter.", hint="make it again")
        pairing = data["pairing"]
        moves = (Move(move["source"], move["name"], _target(move["target"])) for move in pairing["moves"])
        stored = {name: TensorInfo(tuple(info["shape"]), info["dtype"]) for name, info in data["stored"].items()}
        duplicates = tuple((tied, owner) for tied, owner in pairing["duplicates"])
        paired = Pairing(tuple(moves), (), tuple(pairing["unexpected"]), (), duplicates)
        made = {name: from_json(expression) for name, expression in data["made"].items()}
        return cls(data["class_name"], data["model_type"], paired, stored, made, tuple(data["empty_groups"]))

    def view(self, checkpoint: Checkpoint) -> Checkpoint:
        """The checkpoint as `stored` tells it."""
        return Converted(checkpoint, self.made)

    @property
    def moves(self) -> tuple[Move, ...]:
        """What is to be carried out, in the order of the model's layers."""
        return self.pairing.moves

    @property
    def size_in_memory(self) -> int:
        """Bytes of one model with all its weights."""
        return sum(math.prod(move.target.shape) * numpy_dtype(move.target.dtype).itemsize for move in self.moves)


def _target(data: Mapping[str, Any]) -> Target:
    axes = data["layout"]
    layout = Layout(axes["variable"], tuple(axes["torch_axes"]), tuple(axes["keras_axes"]))
    return Target(data["path"], tuple(data["shape"]), data["dtype"], layout)


def build_without_weights(model_class: Any, config: Any, checkpoint: Checkpoint, from_pt: bool = True) -> Any:
    """The model as it will be loaded, with all its variables named and shaped but none of them allocated."""
    import keras

    from porter.runtime.keras_internals import allocate_nothing_later

    with keras.StatelessScope(initialize_variables=False):
        model = model_class(config)
        model.build_for(checkpoint, from_pt=from_pt)
    allocate_nothing_later()
    return model


def make_plan(model: Any, checkpoint: Checkpoint) -> Plan:
    """Pair every tensor of the checkpoint with a variable of the model.

    Args:
        model: a built TensorFlow model, with or without values.
        checkpoint: the PyTorch weights.

    Raises:
        UsageError: a variable has no tensor, or one of another shape; the sentence names it.
    """
    from porter.runtime.model.loading import converted, paired
    from porter.runtime.model.transformers4 import empty_groups

    view = converted(checkpoint, model)
    pairing, _ = paired(model, view, from_pt=True)
    check_paths(pairing)
    if not pairing.is_complete:
        raise UsageError(incompleteness(type(model).__name__, pairing), hint="another class may fit the checkpoint")
    name, config = type(model).__name__, model.config
    return Plan(name, config.model_type, pairing, view.tensors, view.made, empty_groups(name, config))


def check_paths(pairing: Pairing) -> None:
    """Refuse a model in which two variables have one path, so that a file could not tell them apart.

    Raises:
        UsageError: naming the path.
    """
    for path, count in Counter(move.target.path for move in pairing.moves).items():
        if count > 1:
            raise UsageError(f"{count} variables are called {path}.", hint="give the layers different names")


def incompleteness(class_name: str, pairing: Pairing) -> str:
    """One sentence naming the variables that the checkpoint cannot fill."""
    faults = list(problems(pairing))
    more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
    return f"{class_name} cannot be filled from the checkpoint: {'; '.join(faults[:SHOWN])}{more}."


def check_duplicates(plan: Plan, checkpoint: Checkpoint) -> None:
    """Compare, bit by bit, the tensors that the model holds only once.

    Raises:
        CheckpointError: two of them differ, so one would be lost.
    """
    for tied, owner in plan.pairing.duplicates:
        if not same_bits(checkpoint.read(tied), checkpoint.read(owner)):
            hint = "set tie_word_embeddings to false in its config.json"
            raise CheckpointError(f"{tied} and {owner} are one weight in this model and differ here.", hint=hint)
