"""Inputs out of a checkpoint's configuration alone."""

import numpy as np
import pytest

from porter.subject.inputs.for_checkpoint import inputs_for, variations_of
from porter.subject.inputs.trials import candidates

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def unlimited():
    config = transformers.XLNetConfig(vocab_size=40, d_model=8, n_layer=1, n_head=2, d_inner=8)
    assert config.max_position_embeddings == -1
    return transformers.XLNetLMHeadModel(config).eval()


def test_a_length_without_limit_is_the_usual_one(unlimited, tmp_path):
    assert inputs_for(tmp_path, unlimited)["input_ids"].shape == (2, 11)


def test_trials_of_a_length_without_limit_reach_the_longest(unlimited):
    lengths = {trial.inputs["input_ids"].shape[1] for trial in candidates(unlimited) if "input_ids" in trial.inputs}
    assert lengths == {1, 7, 128}


def test_a_spectrogram_comes_in_the_form_that_the_model_runs_on(tmp_path):
    """Whisper's encoder has its frequency bins first, Speech2Text's has its frames first."""
    size = {"d_model": 8, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
            "decoder_attention_heads": 2, "encoder_ffn_dim": 8, "decoder_ffn_dim": 8, "vocab_size": 40,
            "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 3}  # fmt: skip
    whisper = transformers.WhisperModel(transformers.WhisperConfig(**size, num_mel_bins=10, max_source_positions=8))
    config = transformers.Speech2TextConfig(
        **size, input_feat_per_channel=10, conv_channels=8, max_source_positions=8, max_target_positions=20
    )
    speech = transformers.Speech2TextModel(config)
    assert inputs_for(tmp_path, whisper.eval())["input_features"].shape == (2, 10, 16)
    assert inputs_for(tmp_path, speech.eval())["input_features"].shape == (2, 16, 10)


def test_variations_pad_on_the_left_and_leave_the_padding_out():
    mask = np.array([[1] * 7, [1] * 4 + [0] * 3])
    inputs = {"input_ids": np.arange(14).reshape(2, 7), "attention_mask": mask}
    found = variations_of(inputs)
    assert list(found) == ["padded on the left", "one row, shorter, without padding"]
    assert found["padded on the left"]["attention_mask"].tolist() == [[1] * 7, [0] * 3 + [1] * 4]
    assert found["padded on the left"]["input_ids"] is inputs["input_ids"]
    assert list(variations_of({**inputs, "attention_mask": np.ones((2, 7))})) == list(found)[1:]
