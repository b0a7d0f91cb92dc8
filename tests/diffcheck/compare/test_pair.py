from dataclasses import replace

import numpy as np
import pytest

from diffcheck.compare.pair import pair, rebase
from diffcheck.record.recording import Module, Parameter, Structure, fingerprint


def parameter(name, value):
    return Parameter(name, value.shape, fingerprint(value), False)


def structure(framework, parameters, modules):
    owned = {
        path: tuple(p.name for p in parameters if not path or p.name.startswith(f"{path}.")) for path in ("", *modules)
    }
    return Structure(
        framework, tuple(Module(path, modules.get(path, "Model"), names) for path, names in owned.items()),
        tuple(parameters),
    )  # fmt: skip


def values(*shapes):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


def test_fingerprints_survive_transposition_and_nothing_else():
    value, other = values((3, 4), (3, 4))
    assert fingerprint(value) == fingerprint(value.T) == fingerprint(value.reshape(12))
    assert fingerprint(value) == fingerprint(value.astype(np.float64))
    assert fingerprint(value) != fingerprint(other)
    changed = value.copy()
    changed[0, 0] = np.nextafter(changed[0, 0], np.float32(9))
    assert fingerprint(value) != fingerprint(changed)


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (np.array(["label", "text"], object), np.array(["label", "test"], object)),
        (np.array(b"label", object), np.array(b"lapel", object)),
        (np.array(["label", "te"]), np.array(["label", "ta"])),
        (np.array([1 + 2j, 3]), np.array([1 + 3j, 3])),
        (np.array([True, False]), np.array([True, True])),
        (np.float16([1, 2]), np.float16([1, 3])),
    ],
    ids=["texts", "bytes", "texts of one length", "complex numbers", "truth values", "half precision"],
)
def test_whatever_a_file_holds_has_a_fingerprint(value, other):
    assert fingerprint(value) == fingerprint(value.copy())
    assert fingerprint(value) != fingerprint(other)


def test_a_wrapper_on_either_side_is_no_obstacle():
    assert rebase("bert.encoder.weight", ("bert", "")) == "encoder.weight"
    assert rebase("encoder.weight", ("", "bert")) == "bert.encoder.weight"
    assert rebase("bert", ("bert", "")) == ""
    assert rebase("bertram.weight", ("bert", "")) is None


def test_equal_paths_pair_even_where_values_differ():
    a, b = values((2, 3), (2, 3))
    left = structure("pytorch", [parameter("x.weight", a)], {"x": "Linear"})
    right = structure("tensorflow", [parameter("main.x.weight", b)], {"main": "TFMain", "main.x": "Dense"})
    found = pair(left, right)
    assert found.parameters == {"x.weight": "main.x.weight"}
    assert found.modules == {"": "", "x": "main.x"}
    assert not found.unpaired


def test_values_pair_what_other_names_and_levels_hide():
    a, b, c, d = values((4, 4), (4, 4), (4,), (4,))
    left = structure(
        "pytorch",
        [parameter("enc.q.weight", a), parameter("enc.q.bias", c),
         parameter("enc.k.weight", b), parameter("enc.k.bias", d)],
        {"enc": "Attention", "enc.q": "Linear", "enc.k": "Linear"},
    )  # fmt: skip
    right = structure(
        "tensorflow",
        [parameter("m.att.two.weight", b.T), parameter("m.att.two.bias", d),
         parameter("m.att.one.weight", a.T), parameter("m.att.one.bias", c)],
        {"m": "TFMain", "m.att": "TFAttention", "m.att.two": "Dense", "m.att.one": "Dense"},
    )  # fmt: skip
    found = pair(left, right)
    assert found.parameters["enc.q.weight"] == "m.att.one.weight"
    assert found.parameters["enc.k.bias"] == "m.att.two.bias"
    assert found.modules["enc.q"] == "m.att.one"
    assert found.modules["enc"] == "m.att"


def test_equal_values_pair_by_their_neighbours():
    a, b = values((4, 4), (4, 4))
    zeros = np.zeros(4, np.float32)
    left = structure(
        "pytorch",
        [parameter("l.0.q.weight", a), parameter("l.0.q.bias", zeros),
         parameter("l.1.q.weight", b), parameter("l.1.q.bias", zeros)],
        {},
    )  # fmt: skip
    right = structure(
        "tensorflow",
        [parameter("z.one.weight", b), parameter("z.one.bias", zeros),
         parameter("z.two.weight", a), parameter("z.two.bias", zeros)],
        {},
    )  # fmt: skip
    assert pair(left, right).parameters == {
        "l.0.q.weight": "z.two.weight", "l.0.q.bias": "z.two.bias",
        "l.1.q.weight": "z.one.weight", "l.1.q.bias": "z.one.bias",
    }  # fmt: skip


def test_what_stays_alone_is_named_with_a_reason():
    a, b = values((2, 3), (5,))
    left = structure("pytorch", [parameter("x.weight", a)], {"x": "Linear", "act": "GELU"})
    right = structure("tensorflow", [parameter("y.bias", b)], {"y": "Dense"})
    found = pair(left, right)
    reasons = {(item.side, item.path): item.reason for item in found.unpaired}
    assert "shape (2, 3)" in reasons["pytorch", "x.weight"]
    assert "never loaded" in reasons["tensorflow", "y.bias"]
    assert "owns no parameter" in reasons["pytorch", "act"]


def test_a_tied_parameter_that_a_file_holds_under_its_other_name_is_named():
    (a,) = values((4,))
    left = replace(structure("pytorch", [parameter("head.bias", a)], {}), tied={"head.decoder.bias": "head.bias"})
    right = structure("tensorflow", [parameter("head.bias", a), parameter("head/decoder/bias:0", a)], {})
    (found,) = (item for item in pair(left, right).unpaired if item.side == "tensorflow")
    expected = "never loaded: its PyTorch twin head.decoder.bias is tied to head.bias, which the checkpoint has"
    assert found.reason == expected


def test_given_pairs_go_first():
    a, b = values((2, 2), (2, 2))
    left = structure("pytorch", [parameter("x.weight", a), parameter("y.weight", b)], {})
    right = structure("tensorflow", [parameter("x.weight", a), parameter("y.weight", b)], {})
    assert pair(left, right, {"x.weight": "y.weight"}).parameters["x.weight"] == "y.weight"
