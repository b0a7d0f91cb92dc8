import numpy as np

from diffcheck.compare.outputs import compare
from diffcheck.record.legacy_caches import in_form_of
from diffcheck.record.values import flatten

KEYS, VALUES, CROSS = (np.full((2, 3), number, np.float32) for number in (1.0, 2.0, 3.0))


def names(reference, candidate):
    return sorted(in_form_of(flatten(reference), flatten(candidate)).tensors)


def test_a_tuple_per_layer_reads_as_the_cache():
    cache = {
        "self_attention_cache": {"0": {"keys": KEYS, "values": VALUES}},
        "cross_attention_cache": {"0": {"keys": CROSS, "values": CROSS}},
    }
    assert compare({"past": cache}, {"past": ((KEYS, VALUES, CROSS, CROSS),)}).matches
    assert not compare({"past": cache}, {"past": ((VALUES, KEYS, CROSS, CROSS),)}).matches


def test_stacked_keys_and_values_read_as_the_cache():
    cache = {"past": {"0": {"keys": KEYS, "values": VALUES}}}
    assert compare(cache, {"past": (np.stack([KEYS, VALUES]),)}).matches
    assert not compare(cache, {"past": (np.stack([VALUES, KEYS]),)}).matches


def test_other_tuples_keep_their_names():
    assert names({"hidden": (KEYS, VALUES)}, {"hidden": (KEYS, VALUES)}) == ["hidden.0", "hidden.1"]
    assert names({"past": {"0": {"keys": KEYS}}}, {"past": (KEYS, VALUES)}) == ["past.0", "past.1"]
