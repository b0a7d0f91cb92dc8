import numpy as np

from diffcheck import compare
from diffcheck.compare.padding import padding_notes
from diffcheck.record.values import flatten

MASK = np.array([[1, 1, 1], [1, 0, 0]])


def notes(wrong, inputs):
    reference = {"x": np.zeros((2, 3, 4), np.float32)}
    candidate = {"x": reference["x"].copy()}
    for place in wrong:
        candidate["x"][place] = 1.0
    return padding_notes(compare(reference, candidate), flatten(reference), flatten(candidate), inputs)


def test_padded_and_real_positions_are_told_apart():
    inputs = {"attention_mask": MASK}
    assert notes([(1, 2, 0)], inputs) == ("x differs on padded positions only: 0 of 4 real, 1 of 2 padded ones.",)
    assert notes([(0, 2, 0)], inputs) == ("x differs on real positions only: 1 of 4 real, 0 of 2 padded ones.",)
    assert notes([(0, 2, 0), (1, 1, 3)], inputs) == ()


def test_without_padding_there_is_nothing_to_tell():
    assert notes([(0, 0, 0)], {"attention_mask": np.ones((2, 3))}) == ()
    assert notes([(0, 0, 0)], {}) == ()
    assert notes([], {"attention_mask": MASK}) == ()
