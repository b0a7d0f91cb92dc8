"""One comparison for all tests: the project's meaning of "matches"."""

import numpy as np


def array(value):
    return value.detach().numpy() if hasattr(value, "detach") else np.asarray(value)


def assert_matches(found, expected, bound=1e-5):
    """Same shape, both finite in the same places, and no element further off than bound * max(1, max|expected|)."""
    found, expected = array(found), array(expected)
    assert found.shape == expected.shape
    if expected.dtype.kind in "biu":
        np.testing.assert_array_equal(found, expected)
        return
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    infinite = np.isinf(expected)
    assert np.array_equal(found[infinite], expected[infinite])
    finite = np.isfinite(expected)
    scale = max(1.0, float(np.abs(expected[finite]).max(initial=0.0)))
    assert float(np.abs(found[finite] - expected[finite]).max(initial=0.0)) <= bound * scale
