"""What a proven port is used for besides inference, each with the check that shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from porter.testing.fresh_weights import starts_fresh
from porter.testing.model_pair import ModelPair
from porter.testing.placement_checks import compiles, trains_on_two
from porter.testing.saving_checks import computes_in_half_precision, saves
from porter.testing.sequence_checks import decodes, takes_padding
from porter.testing.training_checks import gradients_match, trains
from porter.testing.verdict import Verdict

USES: Mapping[str, Callable[[ModelPair], Verdict]] = MappingProxyType(
    {
        "fresh": starts_fresh,
        "gradients": gradients_match,
        "training": trains,
        "padding": takes_padding,
        "cache": decodes,
        "saving": saves,
        "precision": computes_in_half_precision,
        "XLA": compiles,
        "devices": trains_on_two,
    }
)
"""Name of a column of reports -> its check. A check that has nothing to look at says so in its verdict."""
