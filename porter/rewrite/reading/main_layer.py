"""Which model gets a main layer: the one that its heads hold under `base_model_prefix`."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.knowledge import Knowledge
from porter.runtime.model.beside import main_layer


def main_layer_name(knowledge: Knowledge, class_name: str) -> str | None:
    """`TFBertMainLayer` for `BertModel`; None for a model that no other model of the file holds as its base."""
    return main_layer(class_name) if class_name in knowledge.constructors.base_models else None


_OF_ANY_LAYER = frozenset({"config", "training", "post_init", "gradient_checkpointing", "dtype", "device"})


def needs_model(knowledge: Knowledge, class_name: str) -> bool:
    """Whether a main layer must be a model: the class uses what it inherits from its PreTrainedModel."""
    source = knowledge.source
    found = getattr(source.module, class_name)
    if getattr(found, "_tied_weights_keys", None) or "_init_weights" in vars(found):
        return True
    reads = source.find(source.classes[class_name].node, cst.Attribute)
    names = {node.attr.value for node in reads if m.matches(node.value, m.Name("self"))}
    children = {name.partition(".")[0] for name in knowledge.children(class_name)}
    return any(hasattr(found, name) for name in names - set(vars(found)) - _OF_ANY_LAYER - children)


def is_keras_model(knowledge: Knowledge, class_name: str) -> bool:
    """Whether the class that takes over the PyTorch class's attributes is a keras.Model, not a plain layer."""
    local = knowledge.source.classes[class_name]
    if local.kind != "model":
        return local.is_root
    return main_layer_name(knowledge, class_name) is None or needs_model(knowledge, class_name)
