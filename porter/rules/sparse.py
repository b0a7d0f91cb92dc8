"""Rules for sparse tensors, which are dense in a port."""

from __future__ import annotations

from porter.rulebook import Same, rule

rule(
    "torch.sparse_coo_tensor(indices, values, size, *, dtype=None, is_coalesced=None, check_invariants=None)",
    "torch.sparse.FloatTensor(indices, values, size)",
    to="tf.scatter_nd(tf.transpose(indices), values, tf.cast(size, tf.int64))",
    cases={
        "torch.sparse_coo_tensor(torch.tensor([[0], [1]]), torch.ones(1), (2, 3), check_invariants=True).to_dense()": (
            "tf.scatter_nd(tf.transpose(tf.constant([[0], [1]], dtype=tf.int64)), tf.ones((1,)), "
            "tf.cast((2, 3), tf.int64))"
        )
    },
    doc="What stands at one place is added up, as PyTorch does.",
)
rule(
    "torch.Tensor.to_dense(input, dtype=None)",
    "torch.Tensor.coalesce(input)",
    to=Same(),
    cases={"x.to_dense()": "x"},
)
