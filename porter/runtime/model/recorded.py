"""The arguments by which a caller asks for what layers compute on the way."""

from __future__ import annotations

RECORDED = ("output_attentions", "output_hidden_states")
_WITH_ATTENTIONS = ("cross_attentions", "mask_decoder_attentions")


def switch_of(key: str) -> str:
    """The argument that asks for a recorded output: `output_` and its key; some come with the attentions."""
    return RECORDED[0] if key in _WITH_ATTENTIONS else f"output_{key}"
