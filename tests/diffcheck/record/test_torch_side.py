"""PyTorch models in float64."""

import torch
import transformers

from diffcheck.record.torch_side import in_float64


def test_a_mixture_of_experts_runs_in_float64_and_is_left_as_it_was():
    config = transformers.MixtralConfig(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_local_experts=4,
        vocab_size=50,
    )
    model, ids = transformers.MixtralModel(config).eval(), torch.arange(8)[None]
    chosen = config._experts_implementation
    with torch.no_grad():
        single = model(ids).last_hidden_state
        with in_float64(model):
            double = model(ids).last_hidden_state
        again = model(ids).last_hidden_state
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    assert 0 < (single - double).abs().max() < 1e-4
    assert config._experts_implementation == chosen
    assert torch.equal(again, single)
