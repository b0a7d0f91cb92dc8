import numpy as np
import pytest

from diffcheck.compare.metrics import TensorResult
from porter.base.errors import UsageError
from porter.subject.inputs.trials import Trial, candidates
from porter.weights.prove.differences import Bound, TrialResult, Verification, rounding, run_torch

torch = pytest.importorskip("torch")


def model(name, **config):
    import transformers

    torch.manual_seed(0)
    model_class = getattr(transformers, name)
    return model_class(model_class.config_class(**config, attn_implementation="eager")).eval()


BERT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 50}
GPT2 = {"n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": 50, "n_positions": 32, "bos_token_id": 1,
        "eos_token_id": 2}  # fmt: skip
T5 = {"d_model": 16, "d_kv": 4, "d_ff": 32, "num_layers": 1, "num_heads": 2, "vocab_size": 50,
      "decoder_start_token_id": 0}  # fmt: skip
VIT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "image_size": 16}
TEXTS = {"1 token", "7 tokens", "padded right", "padded left"}


@pytest.mark.parametrize(
    ("name", "config", "expected"),
    [
        ("BertModel", BERT, TEXTS | {"128 tokens"}),
        ("GPT2LMHeadModel", GPT2, TEXTS | {"30 tokens", "7 tokens (the last from the cache)"}),
        ("T5ForConditionalGeneration", T5, TEXTS | {"128 tokens", "1 token (the last from the cache)"}),
        ("ViTModel", VIT, {"images"}),
    ],
)
def test_inputs_of_every_kind(name, config, expected):
    names = [trial.name for trial, _ in run_torch(model(name, **config))]
    assert expected <= set(names)
    assert len(set(names)) == len(names)


def test_another_seed_makes_other_inputs():
    bert = model("BertModel", **BERT)
    first, again, other = (candidates(bert, seed)[1].inputs["input_ids"] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_argument_of_another_name_is_what_the_first_layer_takes():
    from transformers import PretrainedConfig, PreTrainedModel

    class Plain(PreTrainedModel):
        config_class = PretrainedConfig

        def __init__(self, config):
            super().__init__(config)
            self.scale = torch.nn.Linear(6, 2)
            self.post_init()

        def forward(self, x):
            return self.scale(x)

    ((trial, _),) = run_torch(Plain(PretrainedConfig()).eval())
    assert {name: array.shape for name, array in trial.inputs.items()} == {"x": (2, 6)}


def test_what_the_repositorys_processors_make_is_a_trial_of_its_own():
    made = {"input_ids": np.array([[1, 2, 3]]), "decoder_attention_mask": np.ones((1, 1), np.int64)}
    t5 = model("T5ForConditionalGeneration", **T5)
    found = next(trial for trial in candidates(t5, 0, made) if "processors" in trial.name)
    assert set(found.inputs) == {*made, "decoder_input_ids"}
    names = [
        trial.name for trial, _ in run_torch(model("BertModel", **BERT), processed={"input_ids": made["input_ids"]})
    ]
    assert "samples through the repository's processors" in names


def test_padding_is_on_both_sides():
    masks = {t.name: t.inputs["attention_mask"] for t in candidates(model("BertModel", **BERT)) if "padded" in t.name}
    assert masks["padded left"][1].tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert masks["padded right"][1].tolist() == [1, 1, 1, 1, 0, 0, 0]


def test_a_step_from_the_cache_is_the_last_row_of_the_whole():
    gpt2 = model("GPT2LMHeadModel", **GPT2)
    outputs = {trial.name: found for trial, found in run_torch(gpt2)}
    whole = outputs["7 tokens"].tensors["logits"].array
    step = outputs["7 tokens (the last from the cache)"].tensors["logits"].array
    assert step.shape[1] == 1
    np.testing.assert_allclose(step[:, 0], whole[:, -1], atol=1e-6)


def test_a_cache_that_the_configuration_switches_off_is_asked_for():
    names = [trial.name for trial, _ in run_torch(model("GPT2LMHeadModel", **GPT2, use_cache=False))]
    assert "7 tokens (the last from the cache)" in names


def test_a_model_that_takes_nothing_known_is_refused():
    class Odd(torch.nn.Module):
        config = None

        def forward(self, points):
            return points

    with pytest.raises(UsageError, match="which takes points"):
        run_torch(Odd())


def test_rounding_is_small_and_leaves_the_model_as_it_was():
    bert = model("BertModel", **BERT)
    recorded = run_torch(bert)
    reference = {trial.name: found for trial, found in recorded}
    noise = rounding(bert, [trial for trial, _ in recorded], reference)
    assert 0 < max(noise["7 tokens"].values()) < 1e-5
    assert bert.dtype == torch.float32
    again = {trial.name: found for trial, found in run_torch(bert)}
    assert np.array_equal(
        again["7 tokens"].tensors["pooler_output"].array, reference["7 tokens"].tensors["pooler_output"].array
    )


def tensor(path="logits", failures=(), max_abs=0.0, scale=1.0):
    return TensorResult(path, failures, 0.0, max_abs, scale)


def test_the_bound_is_absolute():
    assert Bound(5e-5).allows("t", tensor(max_abs=5e-5, scale=1.0))
    assert not Bound(5e-5).allows("t", tensor(max_abs=6e-5, scale=100.0))


@pytest.mark.parametrize("failure", ["nan", "inf", "shape", "dtype", "missing", "unexpected"])
def test_no_bound_allows_anything_but_numbers_to_differ(failure):
    assert not Bound(1e9).allows("t", tensor(failures=(failure,)))


def test_pytorchs_own_rounding_widens_the_bound_where_it_was_measured():
    noisy = Bound(5e-5, {"t": {"logits": 1e-5}})
    assert noisy.allows("t", tensor(max_abs=7.9e-4, scale=10.0))
    assert not noisy.allows("t", tensor(max_abs=8.1e-4, scale=10.0))
    assert not noisy.allows("other", tensor(max_abs=1e-4, scale=10.0))


def test_hidden_states_are_counted_apart():
    tensors = (tensor(max_abs=1e-7), tensor("hidden_states.1", max_abs=1e-6), tensor("encoder_last_hidden_state"))
    verification = Verification((TrialResult("t", tensors, Bound()),))
    assert (verification.max_output, verification.max_hidden) == (1e-7, 1e-6)
    assert verification.matches


def test_nothing_compared_is_no_match():
    assert not Verification(()).matches
    assert not Verification((TrialResult("t", (), Bound()),)).matches


def test_trials_are_plain_values():
    assert Trial("t", {}).before is None
