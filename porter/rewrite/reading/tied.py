"""Which layers may have another layer's weight."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.source import Source
from porter.rulebook.call import code_of
from porter.runtime.model.declared_ties import declared_weight

_WEIGHT = m.Attribute(attr=m.Name("weight"))
_TIES = m.Assign(targets=[m.AssignTarget(_WEIGHT)], value=_WEIGHT | m.Name())


def tied_layers(source: Source) -> frozenset[str]:
    """The paths of layers whose weight is tied to another: "cls.predictions.decoder", "self.decoder".

    By what a model's class declares, or by an assignment, `self.decoder.weight = self.embed.weight`, where a variable
    may stand for the other weight.
    """
    models = (getattr(source.module, name) for name, local in source.classes.items() if local.kind == "model")
    declared = (getattr(model, "_tied_weights_keys", None) or () for model in models)
    keys = [key for each in declared for key in (each if isinstance(each, Mapping) else map(declared_weight, each))]
    for node in source.find(source.tree, cst.Assign):
        if m.matches(node, _TIES):
            keys += [code_of(node.targets[0].target), code_of(node.value)]
    return frozenset(key.removesuffix(".weight") for key in keys if key.endswith(".weight") and "." in key)
