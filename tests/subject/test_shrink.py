"""Configurations made tiny, beside those of test_subject.py."""

from transformers import PretrainedConfig

from porter.subject.shrink import Strategy, shrink


def test_sizes_of_heads_can_keep_their_ratios():
    class Split(PretrainedConfig):
        def __init__(self, hidden_size=256, qk_nope_head_dim=128, qk_rope_head_dim=64, qk_head_dim=192, **kwargs):
            super().__init__(**kwargs)
            self.hidden_size = hidden_size
            self.qk_nope_head_dim = qk_nope_head_dim
            self.qk_rope_head_dim = qk_rope_head_dim
            self.qk_head_dim = qk_head_dim

    shrunk = shrink(Split(), Strategy(keeps_head_ratios=True))
    assert (shrunk["qk_nope_head_dim"], shrunk["qk_rope_head_dim"], shrunk["qk_head_dim"]) == (16, 8, 24)
