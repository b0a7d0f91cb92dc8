"""PyTorch models in float64."""

import numpy as np
import torch
import transformers

from diffcheck.record.torch_side import in_float64, run_double, widen


def test_floats_are_widened_in_lists_and_tables_too():
    half, whole = np.ones(2, np.float16), np.arange(2)
    inputs = {"state": [half, (half,)], "batch": {"mask": whole, "x": half}, "scale": 0.5}
    wide = widen(inputs)
    assert [wide["state"][0].dtype, wide["state"][1][0].dtype, wide["batch"]["x"].dtype] == [np.float64] * 3
    assert (wide["batch"]["mask"].dtype, wide["scale"]) == (whole.dtype, 0.5)
    assert half.dtype == np.float16


def test_a_float32_in_the_models_text_does_not_round_the_reference():
    """What `model.double()` alone would do: the cast in forward would give rounded numbers."""

    class Cast(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor([1 / 3]))

        def forward(self, x):
            return x.float() / 3 * self.scale

    x = np.array([[0.1, 0.7]], np.float32)
    (double,) = run_double(Cast(), {"x": x}).tensors.values()
    assert double.array.dtype == np.float64
    np.testing.assert_allclose(double.array, x.astype(np.float64) / 3 * np.float32(1 / 3), rtol=1e-15)


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
