"""Rules for what einops does not do in a graph that does not know the sizes."""

from __future__ import annotations

from porter.rulebook import rule

rule(
    "einops.packing.unpack(tensor, packed_shapes, pattern)",
    to="unpack_axes(tensor, packed_shapes, pattern)",
    cases={'einops.unpack(x, [(1,), (2,)], "b * d")': 'unpack_axes(x, [(1,), (2,)], "b * d")'},
)
