"""Configurations made tiny, beside those of test_subject.py."""

from transformers import Dinov2Config, PretrainedConfig, ResNetConfig, RTDetrConfig

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


class Mixed(PretrainedConfig):
    def __init__(
        self, num_hidden_layers=6, hidden_size=256, num_attention_heads=8, block_types=None, heads_per_layer=(8,) * 6,
        head_dim=None, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.num_hidden_layers = num_hidden_layers
        self.block_types = block_types or ["mamba", "mamba", "attention"] * 2
        self.heads_per_layer = list(heads_per_layer)
        self.head_dim = head_dim
        self.hidden_size = hidden_size
        self.num_attention_heads = num_attention_heads


def test_what_stands_there_once_for_each_layer_has_the_new_depth():
    shrunk = shrink(Mixed(), STRATEGIES[0])
    assert shrunk["block_types"] == ["mamba", "attention"]
    assert len(shrunk["heads_per_layer"]) == shrunk["num_hidden_layers"] == 2


def test_a_size_that_is_left_open_is_filled_only_where_that_is_asked_for():
    assert "head_dim" not in shrink(Mixed(), STRATEGIES[0])
    assert shrink(Mixed(), Strategy(fills=True))["head_dim"] == 8


def test_a_backbone_gives_the_last_of_its_fewer_layers():
    backbone = Dinov2Config(out_features=["stage9", "stage11", "stage12"])
    shrunk = shrink(backbone, STRATEGIES[0])
    assert shrunk["num_hidden_layers"] == 3
    assert shrunk["out_features"] == ["stage1", "stage2", "stage3"]


def test_stages_of_several_layers_keep_their_names():
    assert "out_features" not in shrink(ResNetConfig(out_features=["stage2", "stage4"]), STRATEGIES[0])


def test_a_backbone_inside_gives_what_it_gave():
    shrunk = shrink(RTDetrConfig(), STRATEGIES[0])
    assert RTDetrConfig(**shrunk).backbone_config.out_features == RTDetrConfig().backbone_config.out_features
