"""Reading and writing tensors by index: the text that comes out, and that it gives what PyTorch gives."""

from typing import Any

import libcst as cst
import numpy as np
import pytest
import tensorflow as tf
import torch

from porter.facts import Fact
from porter.rulebook.call import Arg, code_of
from porter.rulebook.subscripts import Index, subscript, subscript_assignment
from porter.runtime import index
from tests.rules.running import compare, run
from tests.rules.samples import samples
from tests.rules.snippets import Rewriter, rewritten, torch_names

READ = {
    "x[:, None, -1]": "x[:, None, -1]",
    "x[..., 1:]": "x[..., 1:]",
    "x[:, :, ::2]": "x[:, :, ::2]",
    "x[mask]": "tf.boolean_mask(x, mask)",
    "x[rows]": "tf.boolean_mask(x, rows)",
    "h[:, :, h[0, 0] > 0]": "tf.boolean_mask(h, h[0, 0] > 0, axis=2)",
    "g[..., v4 > 0, :]": "tf.boolean_mask(g, v4 > 0, axis=2)",
    "w[v2i]": "tf.gather(w, v2i)",
    "w[[0, 2]]": "tf.gather(w, [0, 2])",
    "x[:, v2i]": "tf.gather(x, v2i, axis=1)",
    "x[..., v2i]": "tf.gather(x, v2i, axis=-1)",
    "x[n]": "x[n]",
    "w[v2i, v2i]": "tf.gather_nd(w, tf.stack([v2i, v2i], axis=-1))",
    "x[0, :, v2i]": "index(x, np.s_[0, :, v2i])",
    "x[:, v2i, :, None]": "index(x, np.s_[:, v2i, :, None])",
    "g[:, v2i, :, v2i]": "index(g, np.s_[:, v2i, :, v2i])",
    "g[:, v2i, v2i, 1:]": "index(g, np.s_[:, v2i, v2i, 1:])",
    "x[torch.arange(2)[:, None], v2i]": "index(x, np.s_[tf.range(2, dtype=tf.int64)[:, None], v2i])",
    "x[:, -v2i]": "index(x, np.s_[:, -v2i])",
    "x[:, [-2]]": "index(x, np.s_[:, [-2]])",
    "x[1, rows[0]]": "index(x, np.s_[1, rows[0]])",
    "x.max(-1)[1]": "tf.argmax(x, axis=-1)",
}  # fmt: skip
WRITTEN = {
    ("x", "[mask]", "0.0"): "tf.where(mask, tf.cast(0.0, x.dtype), x)",
    ("x", "[rows]", "0.0"): "tf.where(rows[..., tf.newaxis], tf.cast(0.0, x.dtype), x)",
    ("x", "[v > 0.0]", "0.0"): "tf.where((v > 0.0)[..., tf.newaxis], tf.cast(0.0, x.dtype), x)",
    ("x", "[mask]", "one"): "tf.where(mask, one, x)",
    ("x", "[mask]", "y[mask]"): "index_put(x, np.s_[mask], tf.boolean_mask(y, mask))",
    ("x", "[:, 0]", "1.0"): "slice_update(x, np.s_[:, 0], 1.0)",
    ("x", "[..., 1:]", "y[..., 1:]"): "slice_update(x, np.s_[..., 1:], y[..., 1:])",
    ("x", "[:, -1, :2]", "y[:, 0, :2]"): "slice_update(x, np.s_[:, -1, :2], y[:, 0, :2])",
    ("x", "[0, ::2]", "v4"): "slice_update(x, np.s_[0, ::2], v4)",
    ("x", "[n - 1]", "w"): "slice_update(x, np.s_[n - 1], w)",
    ("i", "[:, 1:]", "i.clone()[:, :-1]"): "slice_update(i, np.s_[:, 1:], i[:, :-1])",
    ("i", "[:, 0]", "-100"): "slice_update(i, np.s_[:, 0], -100)",
    ("w", "[v2i]", "w2"): "index_put(w, np.s_[v2i], w2)",
    ("w", "[v2i, v2i]", "7.0"): "index_put(w, np.s_[v2i, v2i], 7.0)",
    ("x", "[:, v2i]", "0.0"): "index_put(x, np.s_[:, v2i], 0.0)",
    ("x", "[1, rows[0]]", "v4"): "index_put(x, np.s_[1, rows[0]], v4)",
}


@pytest.mark.parametrize(("before", "after"), READ.items(), ids=READ)
def test_a_subscript_becomes_its_text(before: str, after: str) -> None:
    assert rewritten(before) == after


@pytest.mark.parametrize(("before", "after"), READ.items(), ids=READ)
def test_a_subscript_reads_what_pytorch_reads(before: str, after: str) -> None:
    expected = eval(before, torch_names())
    compare(expected, run(after))
    compare(expected, run(after, static=False))


@pytest.mark.parametrize(("case", "after"), WRITTEN.items(), ids=["{}{} = {}".format(*case) for case in WRITTEN])
def test_an_assignment_becomes_its_text(case: tuple[str, str, str], after: str) -> None:
    assert _assigned(*case) == after


@pytest.mark.parametrize(("case", "after"), WRITTEN.items(), ids=["{}{} = {}".format(*case) for case in WRITTEN])
def test_an_assignment_writes_what_pytorch_writes(case: tuple[str, str, str], after: str) -> None:
    name, brackets, value = case
    names = torch_names()
    exec(f"{name}{brackets} = {value}", names)
    compare(names[name], run(after))
    compare(names[name], run(after, static=False))


@pytest.mark.parametrize("code", ["slice_update(x, np.s_[:, 1:], y[:, 1:])", "index_put(x, np.s_[:, v2i], x2)"])
def test_gradients_reach_the_old_and_the_new_values(code: str) -> None:
    from porter.runtime import index_put, slice_update

    values = {name: tf.Variable(samples()[name]) for name in ("x", "y", "x2")}
    names: dict[str, Any] = {"slice_update": slice_update, "index_put": index_put, "np": np, **values}
    names["v2i"] = tf.constant(samples()["v2i"])
    with tf.GradientTape() as tape:
        result = tf.reduce_sum(tf.square(eval(code, names)))
    old, new = tape.gradient(result, [values["x"], values["y" if "y[" in code else "x2"]])
    assert 0 < np.count_nonzero(tf.convert_to_tensor(old)) < old.shape.num_elements()
    assert np.count_nonzero(tf.convert_to_tensor(new)) > 0


def test_an_augmented_assignment_to_a_mask_is_a_choice() -> None:
    mask = Fact(frozenset({"tensor"}), rank=1, dtype="bool")
    index = _index("m", mask)
    value = _arg("t", Fact(frozenset({"tensor"}), rank=1, dtype="float32"))
    new = Arg(cst.parse_expression("t[m] * (2)"), cst.parse_expression("2"), Fact.constant(2))
    assert subscript_assignment(value, [index], new) == "tf.where(m, t * (2), t)"


def test_plain_brackets_stay() -> None:
    value = _arg("t", Fact(frozenset({"tensor"}), rank=3))
    assert subscript(value, [_index("k", Fact(frozenset({"int"})))], None) is None


@pytest.mark.parametrize("kinds", [{"int", "tensor"}, {"tensor", "list"}, {"slice", "list"}])
def test_what_was_positions_in_some_runs_only_is_asked_for_when_it_runs(kinds: set[str]) -> None:
    value = _arg("t", Fact(frozenset({"tensor"}), rank=2))
    mixed = _index("k", Fact(frozenset(kinds), rank=2 if "tensor" in kinds else None))
    assert subscript(value, [mixed], None) == "index(t, np.s_[k])"


@pytest.mark.parametrize("position", [2, -1, slice(1, 3), [0, -2], np.array([[0, 2], [1, -1]])], ids=str)
def test_the_runtime_tells_positions_from_one_number(position: Any) -> None:
    table = np.arange(12.0, dtype=np.float32).reshape(4, 3)
    given = tf.constant(position) if isinstance(position, np.ndarray) else position
    read = tf.function(lambda tensor: index(tensor, np.s_[given]))
    np.testing.assert_array_equal(read(tf.constant(table)), table[position])


def _assigned(name: str, brackets: str, value: str) -> str:
    rewriter = Rewriter(torch_names())
    target = cst.parse_expression(f"{name}{brackets}")
    assert isinstance(target, cst.Subscript)
    new = cst.parse_expression(rewritten(value))
    original = cst.parse_expression(value)
    return subscript_assignment(
        rewriter.arg(target.value, target.value), rewriter.indices(target, target), rewriter.arg(original, new)
    )


def _index(code: str, fact: Fact) -> Index:
    node = cst.Index(cst.parse_expression(code))
    return Index(node, node, fact)


def _arg(code: str, fact: Fact) -> Arg:
    node = cst.parse_expression(code)
    assert code_of(node) == code
    return Arg(node, node, fact)


def test_the_samples_are_those_of_the_snippets() -> None:
    assert all(torch.equal(torch_names()[name], torch.from_numpy(array)) for name, array in samples().items())
