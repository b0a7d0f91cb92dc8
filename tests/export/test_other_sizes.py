"""Images and sounds are compared in more than one size where PyTorch takes that, and else the reason is said."""

import numpy as np
import pytest

from porter.export.other_sizes import in_another_size, labels_of
from porter.export.samples import Given, samples_of
from porter.subject.inputs.trials import Trial

torch = pytest.importorskip("torch")


def loaded(folder):
    from porter.subject.torch_checkpoint import load_torch

    return load_torch(folder)


def test_a_sound_is_compared_in_another_length_with_its_mask(checkpoint):
    found = samples_of(loaded(checkpoint("wav2vec2")), None, Given())
    other = found.trials[-1]
    assert other.name == "another size (samples 12000)"
    assert {name: array.shape for name, array in other.inputs.items()} == {
        "input_values": (2, 12000), "attention_mask": (2, 12000),
    }  # fmt: skip
    assert found.notes == ()


def test_images_of_one_size_say_why_there_is_no_other(checkpoint):
    found = samples_of(loaded(checkpoint("vit")), None, Given())
    assert {trial.inputs["pixel_values"].shape[2:] for trial in found.trials} == {(30, 30)}
    (note,) = found.notes
    assert note.startswith("height and width: compared in one size, for PyTorch refuses another (height 40, width 50)")


def test_images_of_a_convolution_are_compared_in_another_size():
    from transformers import ResNetConfig, ResNetModel

    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], num_channels=3)
    found = samples_of(ResNetModel(config).eval(), None, Given())
    heights, widths = {trial.inputs["pixel_values"].shape[2:] for trial in found.trials}, found.trials[-1].name
    assert len(heights) == 2
    assert widths.startswith("another size (height")


def test_a_text_has_no_other_size(checkpoint):
    ids = np.ones((2, 7), np.int64)
    assert in_another_size(loaded(checkpoint("bert")), Trial("7 tokens", {"input_ids": ids})) == (None, "")


def test_a_spectrogram_is_shortened_along_its_frames():
    class Model(torch.nn.Module):
        config = None

        def forward(self, input_features):
            return {"sum": input_features.sum()}

    for shape, shorter in (((2, 80, 100), (2, 80, 75)), ((2, 100, 80), (2, 75, 80))):
        trial = Trial("features", {"input_features": np.ones(shape, np.float32)})
        other, reason = in_another_size(Model(), trial)
        assert other.inputs["input_features"].shape == shorter
        assert not reason


@pytest.mark.parametrize(
    ("shape", "labels"),
    [
        ((2, 80, 60), {0: "batch", 2: "frames"}),
        ((2, 60, 80), {0: "batch", 1: "frames"}),
        ((2, 80, 80), {0: "batch", 1: "sequence", 2: "frames"}),
        ((2, 60, 61), {0: "batch", 1: "sequence", 2: "frames"}),
    ],
)
def test_bins_of_a_spectrogram_are_not_an_axis_that_may_change(shape, labels):
    from types import SimpleNamespace

    model = SimpleNamespace(config=SimpleNamespace(num_mel_bins=80))
    assert labels_of(model, "input_features", Trial("features", {"input_features": np.zeros(shape)})) == labels
