import json

import pytest

from porter.facts import UNSEEN, Fact, Facts, ModuleFact, Span


def tensor(*dims, dtype="float32"):
    return Fact(kinds=frozenset({"tensor"}), rank=len(dims), dtype=dtype, dims=dims)


def test_dims_that_differ_between_runs_become_none():
    merged = tensor(2, 7, 32).merge(tensor(3, 5, 32))
    assert merged.dims == (None, None, 32)
    assert merged.rank == 3
    assert merged.is_tensor


def test_ranks_that_differ_are_unknown_not_zero():
    merged = tensor(2, 7).merge(tensor(2, 7, 32))
    assert merged.rank is None
    assert merged.dims is None
    assert merged.merge(tensor(2, 7)).rank is None


def test_none_beside_a_tensor_is_optional_and_keeps_what_the_tensor_is():
    for merged in (tensor(2, 7).merge(Fact.constant(None)), Fact.constant(None).merge(tensor(2, 7))):
        assert merged.optional
        assert merged.is_tensor
        assert merged.dims == (2, 7)
        assert not merged.has_value


@pytest.mark.parametrize(("left", "right"), [(1, 2), (1, True), (1, 1.0), (None, 0)])
def test_a_value_that_differs_is_no_constant(left, right):
    merged = Fact.constant(left).merge(Fact.constant(right))
    assert not merged.has_value
    assert merged.value is None


def test_equal_values_stay_constant():
    assert Fact.constant(4).merge(Fact.constant(4)).value == 4


def test_two_modules_at_one_place_are_a_union():
    linear, conv = (Fact(frozenset({"module"}), frozenset({name})) for name in ("torch.nn.Linear", "torch.nn.Conv1d"))
    assert linear.merge(conv).names == {"torch.nn.Linear", "torch.nn.Conv1d"}
    assert linear.merge(conv).only("module")


def test_tuples_merge_element_by_element_and_only_with_equal_length():
    one = Fact.sequence([Fact.constant(1), tensor(2)])
    other = Fact.sequence([Fact.constant(3), None])
    assert one.merge(other).items == (Fact(frozenset({"int"})), tensor(2))
    assert one.merge(Fact.sequence([])).items is None


def test_dictionaries_merge_their_keys():
    one = Fact(kinds=frozenset({"dict"}), entries=(("a", tensor(1)),))
    other = Fact(kinds=frozenset({"dict"}), entries=(("b", tensor(2)),))
    assert dict(one.merge(other).entries) == {"a": tensor(1), "b": tensor(2)}


def test_nothing_seen_changes_nothing():
    assert UNSEEN.merge(tensor(2)) == tensor(2)
    assert tensor(2).merge(UNSEEN) == tensor(2)


def test_facts_survive_json():
    span = Span(3, 4, 3, 19)
    rich = Fact.sequence([tensor(None, 7), Fact.constant("gelu"), Fact.constant(None)]).merge(Fact.constant(None))
    named = Fact(kinds=frozenset({"output"}), names=frozenset({"a.B"}), entries=(("logits", tensor(2, 3)),))
    module = ModuleFact({"layer.*": frozenset({"local.Layer"})}, {"scale": (None, 3), "odd": None}, {"steps": False})
    facts = Facts({span: rich, Span(9, 0, 10, 2): named}, {"Model": module}, frozenset({span}))
    assert Facts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


def test_facts_of_two_sets_of_runs_merge():
    span = Span(1, 0, 1, 1)
    left = Facts({span: tensor(2)}, {"M": ModuleFact(parameters={"w": (2, 3)})})
    right = Facts(
        {span: tensor(5)}, {"M": ModuleFact(parameters={"w": (2, 4)}, buffers={"b": True})}, frozenset({span})
    )
    merged = left.merge(right)
    assert merged.at(span) == tensor(None)
    assert merged.modules["M"] == ModuleFact(parameters={"w": (2, None)}, buffers={"b": True})
    assert merged.entered == {span}
    assert merged.at(Span(2, 0, 2, 1)) is None
