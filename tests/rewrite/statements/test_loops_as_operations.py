"""Loops that a graph holds as one operation."""

import numpy as np
import pytest
import tensorflow as tf

from porter.port.verify import verify
from tests.rewrite.bodies import port_bodies

ROWS = """
lengths = (ids > 3).sum(dim=1) + 3
rows = []
for i, length in enumerate(lengths):
    rows.append(x[i, :length].mean(dim=0))
firsts = []
for length in lengths:
    firsts.append(x[..., :length].sum() + x[0, :length].mean())
return x + torch.stack(rows)[:, None] + torch.stack(firsts)[:, None, None]
"""

NESTED = """
total = x[:, 0]
row = total
for scale in (1.0, 2.0):
    if scale:
        for i in range(x.shape[1]):
            row = x[:, i] * scale
            total = total + row
return x + total[:, None] / 8
"""

BLOCKS = """
length = x.shape[1]
state = torch.zeros_like(x[:, 0])
rows = []
for i in range((length + 63) // 64):
    part = x[:, i * 64 : min(i * 64 + 64, length)]
    state = state + part.sum(dim=1)
    rows.append(part + state[:, None])
rows = torch.cat(rows, dim=1)
rows = rows.reshape(x.shape)
rows = rows * 2
return rows
"""
PIECES = """
lengths = (ids > 3).sum(dim=1) * 0 + x.shape[1]
flat, grid = x.reshape(-1, x.shape[-1]), torch.stack([lengths, lengths * 2], dim=1) / 8
outputs, squares = [], []
for piece, (first, second) in zip(flat.split(lengths.tolist()), grid):
    mixed = piece * first + second
    outputs.append(mixed)
    squares.append(mixed @ mixed.transpose(0, 1))
kept = None if squares[0] is None else tuple(squares)
if isinstance(kept, (list, tuple)):
    sums = torch.stack([square.sum(dim=0).mean() for square in kept])
again = []
for row, piece in zip(grid, torch.split(torch.cat(outputs), lengths.tolist())):
    first, second = row
    again.append(piece * second)
return (torch.cat(again, dim=0).reshape(x.shape) + sums[:, None, None]).clamp(-9, 9)
"""


def proven(file, name, body, folder):
    """A body that is ported and proven, as its `call`."""
    found = port_bodies(file, {name: body}, folder)
    (result,) = verify(found.subject, found.module())
    assert (result.eager.message, result.graph.message, result.ok) == ("", "", True)
    return found.text(f"TF{name}.call")


@pytest.fixture(scope="module")
def ported(tmp_path_factory):
    return port_bodies("rows", {"Rows": ROWS}, tmp_path_factory.mktemp("rows"))


def test_a_row_that_counts_beyond_the_end_of_a_tensor_ends_there(ported):
    (found,) = verify(ported.subject, ported.module())
    assert (found.eager.message, found.graph.message, found.ok) == ("", "", True)
    call = ported.text("TFRows.call")
    assert "lambda row: tf.reduce_mean(x[row[0], : tf.minimum(row[1], shape_list(x)[1])], axis=0)" in call
    assert "x[..., :length]" in call and "x[0, : tf.minimum(length, shape_list(x)[1])]" in call


def test_lists_that_a_loop_over_pieces_fills(tmp_path):
    call = proven("filled_lists", "Filled", PIECES, tmp_path)
    assert "first, second = tf.unstack(row_of_tensor, num=2)" in call
    assert "outputs, squares = filled(step, tf.split(flat, to_list(lengths)), grid)" in call
    assert "squares = as_pieces(squares)\n" in call and "isinstance(kept, (list, tuple, Pieces))" in call
    assert "= []" not in call


def test_what_each_turn_sets_first_is_not_carried_by_a_loop_inside_another(tmp_path):
    assert "(total,), _ = loop(step, (total,), shape_list(x)[1])" in proven("nested_loops", "Nested", NESTED, tmp_path)


def test_xla_counts_no_rows_that_are_not_there(ported):
    modeling = ported.module()
    model = modeling.TFSummedModel.from_config(modeling.TinyConfig())
    ids = tf.constant([[5, 6, 7, 8, 9], [5, 1, 1, 1, 1]], tf.int64)
    compiled = tf.function(lambda ids: model(ids).last_hidden_state, jit_compile=True)
    np.testing.assert_allclose(compiled(ids), model(ids).last_hidden_state, atol=1e-5)


def test_a_list_whose_name_stands_for_its_tensors_later_and_changes_again(tmp_path):
    call = proven("blocks", "Blocks", BLOCKS, tmp_path)
    assert "(state,), (rows,) = loop(step, (state,), (length + 63) // 64)" in call
    assert "rows = joined(rows, axis=1)" in call


ROWS_LISTED = """
sums = [row.sum() for row in x]
return x + torch.stack(sums).sum() + sum(row.mean() for row in x)
"""


def test_rows_of_a_tensor_in_a_comprehension_come_apart(tmp_path):
    found = port_bodies("rows_listed", {"Listed": ROWS_LISTED}, tmp_path)
    module, call = found.module(), found.text("TFListed.call")
    assert "for row in tf.unstack(x)]" in call and "for row in tf.unstack(x))" in call
    layer = module.TFListed(module.TinyConfig())
    x, ids = tf.random.normal((2, 5, 8)), tf.ones((2, 5), tf.int64)
    np.testing.assert_allclose(tf.function(lambda: layer(x, ids))(), layer(x, ids), atol=1e-5)


ROWS_UNPACKED = """
pairs = torch.tensor([[2, 3], [4, 1]])
sums = []
for first, second in pairs:
    sums.append(x.sum() * first - second)
parts = []
for row in pairs:
    parts.append(x[:, :1] * row[0])
long = torch.cat(parts, dim=1)
return x + torch.stack(sums).sum() + long.sum(dim=1, keepdim=True) + sum(a * b for a, b in pairs)
"""


def test_rows_of_a_tensor_that_a_loop_unpacks_or_joins_end_to_end(tmp_path):
    call = proven("rows_unpacked", "Unpacked", ROWS_UNPACKED, tmp_path)
    assert "for first, second in map(tf.unstack, tf.unstack(pairs)):" in call
    assert "for a, b in map(tf.unstack, tf.unstack(pairs)))" in call
