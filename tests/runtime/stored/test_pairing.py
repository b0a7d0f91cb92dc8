import pytest

from porter.runtime.stored.layouts import Layout
from porter.runtime.stored.pairing import Target, pair, problems
from porter.runtime.stored.tensor_source import TensorInfo

KERNEL = Layout.parse("kernel: o i -> i o")
PLAIN = Layout("weight")


def target(*shape, layout=PLAIN):
    return Target("path", shape, "float32", layout)


def stored(**shapes):
    return {name.replace("__", "."): TensorInfo(shape, "float32") for name, shape in shapes.items()}


TARGETS = {
    "bert.emb.weight": target(5, 3),
    "bert.dense.weight": target(3, 2, layout=KERNEL),
    "cls.bias": target(2),
}
STORED = stored(bert__emb__weight=(5, 3), bert__dense__weight=(2, 3), cls__bias=(2,))


def sources(pairing):
    return {move.name: move.source for move in pairing.moves}


def test_every_tensor_finds_its_variable():
    pairing = pair(STORED, TARGETS, "bert", {})
    assert sources(pairing) == {name: name for name in TARGETS}
    assert pairing.is_complete
    assert not pairing.unexpected


def test_a_file_of_the_base_model_lacks_the_prefix():
    pairing = pair(stored(emb__weight=(5, 3), dense__weight=(2, 3)), TARGETS, "bert", {})
    assert sources(pairing) == {"bert.emb.weight": "emb.weight", "bert.dense.weight": "dense.weight"}
    assert pairing.missing == ("cls.bias",)


def test_a_base_model_reads_the_file_of_a_head():
    base = {name.removeprefix("bert."): target for name, target in TARGETS.items() if name.startswith("bert.")}
    pairing = pair(STORED, base, "bert", {})
    assert sources(pairing) == {"emb.weight": "bert.emb.weight", "dense.weight": "bert.dense.weight"}
    assert pairing.unexpected == ("cls.bias",)


def test_some_names_may_have_the_prefix_and_others_not():
    names = {"emb.weight": (5, 3), "bert.dense.weight": (2, 3), "bert.cls.bias": (2,)}
    pairing = pair(stored(**{name.replace(".", "__"): shape for name, shape in names.items()}), TARGETS, "bert", {})
    assert sources(pairing) == dict(zip(TARGETS, names, strict=True))


def test_the_exact_name_comes_before_the_one_with_another_prefix():
    pairing = pair(stored(cls__bias=(2,), bert__cls__bias=(2,)), {"cls.bias": TARGETS["cls.bias"]}, "bert", {})
    assert sources(pairing) == {"cls.bias": "cls.bias"}
    assert pairing.unexpected == ("bert.cls.bias",)


@pytest.mark.parametrize(
    ("now", "former"),
    [
        ("norm.weight", "norm.gamma"),
        ("norm.bias", "norm.beta"),
        ("conv.parametrizations.weight.original0", "conv.weight_g"),
        ("conv.parametrizations.weight.original1", "conv.weight_v"),
    ],
)
def test_former_names(now, former):
    assert sources(pair({former: TensorInfo((2,), "float32")}, {now: target(2)}, "", {})) == {now: former}


def test_a_parameter_that_is_called_gamma_today_keeps_its_name():
    targets = {"block.gamma": target(2), "block.weight": target(3)}
    pairing = pair(stored(block__gamma=(2,), block__weight=(3,)), targets, "", {})
    assert sources(pairing) == {name: name for name in targets}


@pytest.mark.parametrize("shape", [(3, 2), (2, 3, 1), (6,), (1, 6)])
def test_equal_counts_of_elements_are_no_match(shape):
    pairing = pair(stored(dense__weight=shape), {"dense.weight": target(3, 2, layout=KERNEL)}, "", {})
    assert not pairing.moves
    assert [(wrong.found, wrong.wanted) for wrong in pairing.mismatched] == [(shape, (2, 3))]
    assert not pairing.is_complete


TIED = {"decoder.weight": "emb.weight"}


def test_the_file_may_hold_either_name_of_a_tied_parameter():
    targets = {"emb.weight": target(5, 3)}
    assert sources(pair(stored(decoder__weight=(5, 3)), targets, "", TIED)) == {"emb.weight": "decoder.weight"}


def test_the_second_copy_of_a_tied_parameter_is_reported_as_such():
    pairing = pair(stored(emb__weight=(5, 3), decoder__weight=(5, 3)), {"emb.weight": target(5, 3)}, "", TIED)
    assert pairing.duplicates == (("decoder.weight", "emb.weight"),)
    assert not pairing.unexpected


def test_problems_are_sentences():
    pairing = pair(stored(bert__emb__weight=(5, 4), other=(1,)), TARGETS, "bert", {})
    assert list(problems(pairing)) == [
        "bert.dense.weight is missing from the checkpoint",
        "cls.bias is missing from the checkpoint",
        "bert.emb.weight has shape [5, 4] in the checkpoint and [5, 3] in the model",
    ]
    assert pairing.unexpected == ("other",)
