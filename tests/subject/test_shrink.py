"""Configurations made tiny, beside those of test_subject.py."""

from transformers import PretrainedConfig

from porter.subject.shrink import STRATEGIES, Strategy, shrink


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


def test_the_last_strategy_leaves_the_depth_as_it_is():
    assert "num_hidden_layers" not in shrink(Deep(), STRATEGIES[-1])
    assert shrink(Deep(), STRATEGIES[0])["num_hidden_layers"] == 2


class Deep(PretrainedConfig):
    def __init__(self, num_hidden_layers=5, vocab_size=4000, **kwargs):
        super().__init__(**kwargs)
        self.num_hidden_layers = num_hidden_layers
        self.vocab_size = vocab_size
