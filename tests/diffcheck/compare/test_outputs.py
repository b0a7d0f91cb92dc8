from dataclasses import dataclass

import numpy as np
import pytest

from diffcheck import compare, noise_between


def one(reference, candidate, **options):
    comparison = compare({"x": reference}, {"x": candidate}, **options)
    assert len(comparison.tensors) == 1
    return comparison.tensors[0]


def test_within_the_tolerance_matches():
    reference = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    result = one(reference, reference + np.float32(9e-6))
    assert result.matches
    assert result.max_abs == pytest.approx(9e-6, rel=0.02)


def test_above_the_tolerance_names_the_worst_element_and_the_share():
    reference = np.zeros((2, 5), np.float32)
    candidate = reference.copy()
    candidate[1, 3], candidate[0, 0] = 4.4e-4, 2e-5
    result = one(reference, candidate)
    assert result.failures == ("values",)
    assert (result.index, result.differing, result.size) == ((1, 3), 2, 10)
    assert "2 of 10 elements (20.0 %); greatest 4.4e-04 at (1, 3)" in result.sentence()
    assert "1.0e-05 allowed" in result.sentence()


def test_the_bound_grows_with_the_reference_and_never_shrinks_below_the_tolerance():
    assert one(np.full(3, 100.0, np.float32), np.full(3, 100.0009, np.float32)).matches
    assert not one(np.full(3, 100.0, np.float32), np.full(3, 100.002, np.float32)).matches
    assert one(np.full(3, 0.01, np.float32), np.full(3, 0.010009, np.float32)).matches


def test_a_mask_of_the_least_float_does_not_stretch_the_bound():
    low = np.finfo(np.float32).min
    reference = np.array([low, 0.5], np.float32)
    assert one(reference, reference.copy()).matches
    assert one(reference, np.array([low, 0.6], np.float32)).failures == ("values",)
    assert one(reference, np.array([-1e4, 0.5], np.float32)).failures == ("values",)


def test_noise_widens_the_bound_and_the_sentence_says_so():
    reference, candidate = np.ones(4, np.float32), np.full(4, 1.0001, np.float32)
    assert not one(reference, candidate).matches
    result = one(reference, candidate, noise=2e-5)
    assert result.matches
    assert "8 x the reference's own rounding" in result.sentence()
    assert not one(reference, candidate, noise=1e-6).matches
    assert one(reference, candidate, noise={"x": 2e-5}).matches


def test_noise_between_runs_ignores_mask_fills():
    single = {"x": np.array([1.0, np.finfo(np.float32).min], np.float32)}
    double = {"x": np.array([1.0 + 2e-6, np.finfo(np.float64).min])}
    assert noise_between(single, double)["x"] == pytest.approx(2e-6, rel=1e-3)


@pytest.mark.parametrize(
    ("reference", "candidate", "failure"),
    [
        (np.zeros((2, 3), np.float32), np.zeros((3, 2), np.float32), "shape"),
        (np.zeros((2, 1), np.float32), np.zeros((2,), np.float32), "shape"),
        (np.zeros(2, np.int64), np.zeros(2, np.int32), "dtype"),
        (np.zeros(2, np.float32), np.zeros(2, np.float64), "dtype"),
        (np.array([0, np.nan], np.float32), np.array([0, 0], np.float32), "nan"),
        (np.array([0, 0], np.float32), np.array([0, np.nan], np.float32), "nan"),
        (np.array([0, np.inf], np.float32), np.array([0, -np.inf], np.float32), "inf"),
        (np.array([0, 1], np.float32), np.array([0, np.inf], np.float32), "inf"),
        (np.array([1, 2]), np.array([1, 3]), "values"),
        (np.array([True, False]), np.array([True, True]), "values"),
    ],
)
def test_each_kind_of_difference_is_a_failure_of_its_own(reference, candidate, failure):
    result = one(reference, candidate)
    assert result.failures == (failure,)
    assert result.sentence().startswith("x differs: ")


def test_equal_nan_and_inf_match_and_are_counted():
    array = np.array([np.nan, np.inf, -np.inf, 1], np.float32)
    result = one(array, array.copy())
    assert result.matches
    assert result.nonfinite == (3, 3)


def test_missing_and_unexpected_outputs_fail():
    comparison = compare({"a": np.ones(2), "b": np.ones(3)}, {"a": np.ones(2), "c": np.ones(4)})
    assert [(result.path, result.failures) for result in comparison.tensors] == [
        ("a", ()), ("b", ("missing",)), ("c", ("unexpected",)),
    ]  # fmt: skip
    assert not comparison.matches
    assert "missing from the candidate (the reference has shape (3,))" in comparison.sentence()


def test_comparing_nothing_is_no_match():
    assert not compare({}, {}).matches
    assert not compare({"name": "text"}, {"name": "text"}).matches


def test_what_is_no_tensor_or_skipped_is_named():
    comparison = compare(
        {"a": np.ones(2), "label": "x", "cache": [np.ones(1)]}, {"a": np.ones(2), "label": "x"}, skip=["cache"]
    )
    assert comparison.matches
    assert comparison.skipped == ("label (str)", "cache.0")


def test_a_tuple_against_names_goes_by_position():
    assert compare({"a": np.ones(2), "b": None, "c": np.zeros(3)}, (np.ones(2), np.zeros(3))).matches
    assert not compare({"a": np.ones(2), "c": np.zeros(3)}, (np.zeros(3), np.ones(2))).matches


def test_torch_and_tensorflow_outputs_compare():
    torch = pytest.importorskip("torch")
    tf = pytest.importorskip("tensorflow")

    @dataclass
    class Output:
        logits: object
        states: tuple = ()

    reference = Output(torch.ones(2, 3, requires_grad=True), (torch.zeros(2, dtype=torch.int64),))
    assert compare(reference, Output(tf.ones((2, 3)), (tf.zeros(2, tf.int64),))).matches
    result = compare(reference, Output(tf.ones((2, 3)), (tf.zeros(2, tf.int32),)))
    assert [tensor.path for tensor in result.failures] == ["states.0"]
    half = compare({"x": torch.ones(2, dtype=torch.bfloat16)}, {"x": tf.ones(2, tf.bfloat16)})
    assert half.matches
    assert half.tensors[0].dtypes == ("bfloat16", "bfloat16")


def test_caches_flatten_to_keys_and_values():
    torch = pytest.importorskip("torch")
    from transformers import DynamicCache, EncoderDecoderCache

    cache = DynamicCache()
    cache.update(torch.ones(1, 2, 3, 4), torch.zeros(1, 2, 3, 4), 0)
    paths = [result.path for result in compare({"past": cache}, {"past": cache}).tensors]
    assert paths == ["past.0.keys", "past.0.values"]
    both = EncoderDecoderCache(cache, DynamicCache())
    assert compare({"past": both}, {"past": both}).tensors[0].path == "past.self_attention_cache.0.keys"


def test_a_loss_of_one_element_is_compared_by_value():
    """Keras' losses keep an axis of one element; more axes or elements are another shape."""
    assert compare({"loss": np.float32(2.5)}, {"loss": np.full((1,), 2.5, np.float32)}).matches
    assert not compare({"loss": np.float32(2.5)}, {"loss": np.full((1,), 2.6, np.float32)}).matches
    assert not compare({"loss": np.float32(2.5)}, {"loss": np.full((1, 1), 2.5, np.float32)}).matches
