"""What checkpoints call a model's tensors, and how they hold them, where that is not what the PyTorch file says."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import libcst as cst

from porter.rewrite.context import Context
from porter.rewrite.reading.source import LocalClass

# transformers' operation -> its name in porter.runtime.stored.operations, and the attributes that are arguments there.
# An operation that transformers has for one family bears the family's name before its own.
_OPERATIONS = {
    "MergeModulelist": ("merge", ("dim",)),
    "Concatenate": ("concatenate", ("dim",)),
    "Chunk": ("chunk", ("dim",)),
    "Split": ("split", ("dim",)),
    "Interleave": ("interleave", ("dim", "inverse")),
    "Transpose": ("transpose", ("dim0", "dim1")),
    "PermuteForRope": ("permute_for_rope", ("subconfig_key", "permute_layer_names", "inverse")),
    "FuseAndSplitTextVisionExperts": ("distribute", ("stack_dim", "concat_dim")),
}
_RENAMES = ("WeightRenaming", "PrefixChange")


@dataclass(frozen=True)
class Declared:
    """What transformers declares of the checkpoints of one class or model type.

    Attributes:
        renames: (pattern, replacement), see `porter.runtime.stored.pairing.Rename`.
        conversions: see `porter.runtime.stored.conversions`.
        unknown: the patterns of what the runtime does not know.
    """

    renames: tuple[tuple[str, str], ...] = ()
    conversions: tuple[dict[str, Any], ...] = ()
    unknown: tuple[str, ...] = ()


def declared_for(class_name: str, model_type: str) -> Declared | None:
    """The declarations of a class, else those of its model type; None without either, as before transformers 5."""
    if importlib.util.find_spec("transformers.conversion_mapping") is None:
        return None
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping

    transforms = get_checkpoint_conversion_mapping(class_name)
    if transforms is None and model_type:
        transforms = get_checkpoint_conversion_mapping(model_type)
    if transforms is None:
        return None
    renames: list[tuple[str, str]] = []
    conversions, unknown = [], []
    for transform in transforms:
        sources, targets = list(transform.source_patterns), list(transform.target_patterns)
        operations = [_operation(each) for each in getattr(transform, "operations", ())]
        if operations and None not in operations:
            conversions.append({"from": sources, "to": targets, "by": operations})
        elif type(transform).__name__ in _RENAMES and len(targets) == 1:
            renames += [(source, targets[0]) for source in sources]
        else:
            unknown += sources
    return Declared(tuple(renames), tuple(conversions), tuple(unknown))


def _operation(operation: Any) -> tuple[Any, ...] | None:
    """An operation as data, without trailing arguments that are the default; None if the runtime has no such thing."""
    class_name = type(operation).__name__
    own = next((known for known in _OPERATIONS if class_name.endswith(known)), "")
    name, attributes = _OPERATIONS.get(own, (None, ()))
    if name is None or (name == "chunk" and operation.num_shards_attribute is not None):
        return None
    if name == "transpose" and operation.check_dims:
        name = "transpose_to_fit"
    arguments = [getattr(operation, attribute) for attribute in attributes]
    while arguments and (arguments[-1] is None or arguments[-1] is False):
        arguments.pop()
    return (name, *(tuple(each) if isinstance(each, list) else each for each in arguments))


def checkpoint_attributes(context: Context, local: LocalClass) -> Iterator[cst.BaseStatement]:
    """`_checkpoint_renames` and `_checkpoint_conversions` of a class.

    Those of the model type stand with the PreTrainedModel of the file, and with a class of another type; those of one
    class with that class, in place of the type's.
    """
    declared, inherited = _declared(context, local), _inherited(context, local)
    if declared is None or declared == inherited:
        return
    if declared.renames or (inherited and inherited.renames):
        yield cst.parse_statement(f"_checkpoint_renames = {list(declared.renames)!r}")
    if declared.conversions or (inherited and inherited.conversions):
        yield cst.parse_statement(f"_checkpoint_conversions = {list(declared.conversions)!r}")
    if declared.unknown:
        message = f"checkpoints hold {', '.join(declared.unknown)} in a form that porter.runtime does not convert"
        context.note(local.node, "left", f"{message}.")


def _declared(context: Context, local: LocalClass) -> Declared | None:
    if local.kind != "model" or not context.source.subject.module_name.startswith("transformers."):
        return None
    config = getattr(getattr(context.source.module, local.name), "config_class", None)
    return declared_for(local.name, getattr(config, "model_type", ""))


def _inherited(context: Context, local: LocalClass) -> Declared | None:
    bases = (_declared(context, context.source.classes[base]) for base in local.lineage[1:])
    return next((declared for declared in bases if declared is not None), None)
