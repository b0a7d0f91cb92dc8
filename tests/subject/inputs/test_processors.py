"""Inputs through a repository's own processors, on samples that are made on the spot."""

import json

import numpy as np
import pytest

from porter.subject.inputs.for_checkpoint import inputs_for
from porter.subject.inputs.processors import processed_inputs, sample_images, sample_sounds


@pytest.fixture
def vision(tmp_path):
    """A tiny ViT with the image processor of its repository."""
    pytest.importorskip("PIL")
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessorPil

    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=24, patch_size=8
    )
    ViTImageProcessorPil(size={"height": 24, "width": 24}, image_mean=[0.2] * 3).save_pretrained(tmp_path)
    return tmp_path, ViTForImageClassification(config).eval()


def test_samples_are_the_same_each_time_and_not_flat():
    for made, again in zip(sample_images() + sample_sounds(8000), sample_images() + sample_sounds(8000), strict=True):
        assert np.array_equal(made, again)
        assert made.std() > 0.1
    assert [image.dtype for image in sample_images()] == [np.uint8] * 2
    assert [sound.shape for sound in sample_sounds(8000)] == [(8000,), (4000,)]


def test_images_go_through_the_repositorys_image_processor(vision):
    folder, model = vision
    pixels = inputs_for(folder, model)["pixel_values"]
    assert (pixels.shape, pixels.dtype) == ((2, 3, 24, 24), np.float32)
    # (255 / 255 - 0.2) / 0.5 and (0 - 0.2) / 0.5 at most: bytes, rescaled and normalised as the repository says.
    assert pixels.min() >= (0 - 0.2) / 0.5 - 1e-6
    assert 1.5 < pixels.max() <= (1 - 0.2) / 0.5 + 1e-6


def test_without_a_processor_the_configuration_gives_the_sizes(vision):
    folder, model = vision
    (folder / "preprocessor_config.json").unlink()
    assert inputs_for(folder, model)["pixel_values"].min() < -1.0


def test_a_processor_whose_images_do_not_fit_is_left_aside_with_a_word(vision, capsys):
    folder, model = vision
    file = folder / "preprocessor_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"size": {"height": 32, "width": 32}}))
    assert inputs_for(folder, model)["pixel_values"].shape == (2, 3, 24, 24)
    assert "PyTorch does not run on what the repository's processors made" in capsys.readouterr().err


def test_a_processor_that_cannot_be_loaded_is_left_aside_with_a_word(vision, capsys):
    folder, model = vision
    (folder / "preprocessor_config.json").write_text('{"image_processor_type": "NoSuchImageProcessor"}')
    assert inputs_for(folder, model)["pixel_values"].shape == (2, 3, 24, 24)
    assert "the repository's own image processor is not used" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("extractor", "name", "shape"),
    [
        ("Wav2Vec2FeatureExtractor", "input_values", (2, 16000)),
        ("WhisperFeatureExtractor", "input_features", (2, 80, 3000)),
    ],
)
def test_sounds_go_through_the_repositorys_feature_extractor(tmp_path, extractor, name, shape):
    import transformers

    getattr(transformers, extractor)().save_pretrained(tmp_path)
    made = processed_inputs(tmp_path, {name, "attention_mask"})
    assert made[name].shape == shape
    assert made[name].dtype == np.float32
    assert processed_inputs(tmp_path, {"pixel_values"}) == {}
