"""Key-value caches as they were before they had classes: tuples per layer, or keys and values stacked."""

from __future__ import annotations

import re

from diffcheck.record.values import Flattened, TensorValue

_STATE = re.compile(r"(.*?)(self_attention_cache\.|cross_attention_cache\.)?(\d+)\.(keys|values)")


def in_form_of(reference: Flattened, candidate: Flattened) -> Flattened:
    """The candidate's tensors, with plain tuples of keys and values named as the reference's cache names them.

    A layer's tuple holds keys and values, then those of cross-attention; or it is one tensor with keys and values
    along its first axis.
    """
    found: dict[str, TensorValue] = {}
    used: set[str] = set()
    for path in reference.tensors:
        match = _STATE.fullmatch(path)
        if match is None or path in candidate.tensors:
            continue
        layer = f"{match[1]}{match[3]}"
        place = (match[4] == "values") + 2 * (match[2] == "cross_attention_cache.")
        stacked = candidate.tensors.get(layer)
        if f"{layer}.{place}" in candidate.tensors:
            used.add(f"{layer}.{place}")
            found[path] = candidate.tensors[f"{layer}.{place}"]
        elif stacked is not None and stacked.array.ndim == reference.tensors[path].array.ndim + 1 and place < 2:
            used.add(layer)
            found[path] = TensorValue(stacked.array[place], stacked.dtype)
    rest = {path: tensor for path, tensor in candidate.tensors.items() if path not in used}
    return Flattened({**rest, **found}, candidate.skipped)
