"""What checkpoints call a model's tensors, where that is not what the PyTorch file calls them."""

from __future__ import annotations

from porter.rewrite.context import Context
from porter.rewrite.source import LocalClass


def checkpoint_renames(context: Context, local: LocalClass) -> list[tuple[str, str]]:
    """The (pattern, replacement) pairs that transformers declares for this class's checkpoints.

    Those of the model type stand with the PreTrainedModel of the file, those of one class with that class.
    """
    if local.kind != "model" or not context.source.subject.module_name.startswith("transformers."):
        return []
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping

    found = getattr(context.source.module, local.name)
    is_base = all(context.source.classes[base].kind != "model" for base in local.lineage[1:])
    config = getattr(found, "config_class", None)
    name = getattr(config, "model_type", "") if is_base else local.name
    declared = get_checkpoint_conversion_mapping(name) or []
    renames = []
    for transform in declared:
        if getattr(transform, "operations", None):
            patterns = ", ".join(transform.source_patterns)
            message = f"checkpoints hold {patterns} in another form, which porter.runtime does not convert yet"
            context.note(local.node, "left", f"{message}.")
        elif len(transform.target_patterns) == 1:
            renames += [(pattern, transform.target_patterns[0]) for pattern in transform.source_patterns]
    return renames
