"""What configurations say of their models' inputs, however they call it and wherever they keep it."""

from types import SimpleNamespace

import pytest

from porter.subject.inputs.input_sizes import input_sizes, token_of


def configuration(**fields):
    return SimpleNamespace(**fields)


@pytest.mark.parametrize(
    ("fields", "name", "expected"),
    [
        ({"vocab_size": 50}, "vocabulary", 50),
        ({"n_positions": 32}, "positions", 32),
        ({"max_position_embeddings": -1}, "positions", None),
        ({"image_size": 48}, "image", (48, 48)),
        ({"image_size": [32, 64]}, "image", (32, 64)),
        ({"image_size": {"height": 16, "width": 24}}, "image", (16, 24)),
        ({"image_size": {"shortest_edge": 16}}, "image", None),
        ({"in_channels": 1}, "channels", 1),
        ({"num_channels": [3, 6]}, "channels", None),
        ({"feature_size": 40}, "bins", 40),
        ({"max_source_positions": 30}, "frames", 60),
        ({"conv_stride": (5, 2, 2)}, "stride", 20),
        ({"num_labels": True}, "labels", None),
    ],
)
def test_a_field_is_read(fields, name, expected):
    assert getattr(input_sizes(configuration(**fields)), name) == expected


def test_parts_of_a_configuration_are_asked_before_the_whole():
    text, vision = configuration(vocab_size=30, eos_token_id=2), configuration(image_size=16, num_channels=1)
    audio = configuration(num_mel_bins=8)
    whole = configuration(text_config=text, vision_config=vision, audio_config=audio, vocab_size=99, pad_token_id=1)
    found = input_sizes(whole)
    assert (found.vocabulary, found.image, found.channels, found.bins) == (30, (16, 16), 1, 8)
    assert found.special == {"pad": 1, "eos": 2}


def test_no_configuration_names_no_size():
    found = input_sizes(None)
    assert found.special == {}
    assert {value for name, value in vars(found).items() if name != "special"} == {None}


def test_of_two_texts_neither_is_chosen():
    transformers = pytest.importorskip("transformers")
    t5 = transformers.T5Config(vocab_size=31).to_dict()
    both = transformers.MusicgenConfig(text_encoder=t5, audio_encoder={"model_type": "encodec"}, decoder={})
    assert input_sizes(both).vocabulary in (None, 31)


def test_a_token_that_is_not_set_is_none():
    config = configuration(image_token_id=None, image_token_index=7, video_token_id=-1)
    assert token_of(config, "image_token_id", "image_token_index") == 7
    assert token_of(config, "video_token_id") is None
