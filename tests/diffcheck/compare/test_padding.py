import numpy as np

from diffcheck import compare
from diffcheck.compare.padding import differs_on_real, padding_notes
from diffcheck.record.values import flatten

MASK = np.array([[1, 1, 1], [1, 0, 0]])
SHAPE = (2, 3, 4)


def sides(wrong, shape=SHAPE, value=1.0):
    """The comparison of zeros with zeros that are another value in these places, and both."""
    reference = {"x": np.zeros(shape, np.float32)}
    candidate = {"x": reference["x"].copy()}
    for place in wrong:
        candidate["x"][place] = value
    return compare(reference, candidate), flatten(reference), flatten(candidate)


def notes(wrong, inputs, elsewhere=None):
    return padding_notes(*sides(wrong), inputs, elsewhere or {})


def test_padded_and_real_positions_are_told_apart():
    inputs = {"attention_mask": MASK}
    assert notes([(1, 2, 0)], inputs) == ("x differs on padded positions only: 0 of 4 real, 1 of 2 padded ones.",)
    assert notes([(0, 2, 0)], inputs) == ("x differs on real positions only: 1 of 4 real, 0 of 2 padded ones.",)
    assert notes([(0, 2, 0), (1, 1, 3)], inputs) == ()


def test_what_differs_on_real_positions_elsewhere_is_not_called_a_matter_of_padding():
    told = notes([(1, 2, 0)], {"attention_mask": MASK}, {"shorter": frozenset(), "padded on the left": frozenset("x")})
    expected = "x differs on real positions too, padded on the left; with the inputs: 0 of 4 real, 1 of 2 padded ones."
    assert told == (expected,)


def test_without_padding_there_is_nothing_to_tell():
    assert notes([(0, 0, 0)], {"attention_mask": np.ones((2, 3))}) == ()
    assert notes([(0, 0, 0)], {}) == ()
    assert notes([], {"attention_mask": MASK}) == ()


def test_outputs_that_differ_on_real_positions():
    inputs = {"attention_mask": MASK}
    assert differs_on_real(*sides([(1, 2, 0)]), inputs) == frozenset()
    assert differs_on_real(*sides([(0, 2, 0)]), inputs) == {"x"}
    assert differs_on_real(*sides([(0, 2, 0)], value=np.nan), inputs) == {"x"}
    assert differs_on_real(*sides([(1, 2, 0)]), {}) == {"x"}


def test_keys_of_a_cache_have_the_positions_behind_the_heads():
    inputs = {"attention_mask": MASK}
    assert differs_on_real(*sides([(1, 0, 2, 0)], (2, 5, 3, 4)), inputs) == frozenset()
    assert differs_on_real(*sides([(1, 0, 0, 0)], (2, 5, 3, 4)), inputs) == {"x"}
