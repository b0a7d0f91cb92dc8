"""Rules for functions that are mapped over an axis."""

from __future__ import annotations

from porter.rulebook import rule

rule(
    "torch.vmap(func, in_dims=0, out_dims=0, randomness='error', *, chunk_size=None)",
    to="vmap(func, in_dims=in_dims, out_dims=out_dims)",
    cases={"torch.vmap(forward_fn)(x)": "vmap(forward_fn)(x)"},
)
