import pytest
from transformers import GenerationConfig

from porter.runtime.generation.settings import Settings, as_mapping, settings_of


def test_later_sources_take_precedence_and_none_says_nothing():
    sources = {"top_k": 5, "eos_token_id": 7, "num_beams": 2}, {"top_k": None, "eos_token_id": [1, 2]}
    found = settings_of({"top_p": 0.5, "num_beams": None}, *sources)
    assert found.num_beams == 1
    assert (found.top_k, found.top_p, found.eos_token_id) == (5, 0.5, (1, 2))
    assert hash(found) == hash(settings_of({"top_k": 5, "eos_token_id": (1, 2), "top_p": 0.5}))


def test_a_configuration_of_transformers():
    config = GenerationConfig(num_beams=4, length_penalty=2.0, max_new_tokens=7, pad_token_id=3)
    found = settings_of(as_mapping(config))
    assert (found.num_beams, found.length_penalty, found.max_new_tokens, found.padding) == (4, 2.0, 7, 3)
    assert settings_of(as_mapping(None)) == Settings()


@pytest.mark.parametrize("name", ["typical_p", "num_beam_groups", "stop_strings"])
def test_what_has_no_counterpart_is_named(name):
    with pytest.raises(NotImplementedError, match=f"generate has no {name}; leave it out"):
        settings_of({name: 3})


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"num_beams": 0}, "must be 1 or more"),
        ({"num_return_sequences": 2}, "needs do_sample=True or as many num_beams"),
        ({"temperature": 0.0}, "temperature must be above 0"),
    ],
)
def test_settings_that_do_not_go_together(asked, sentence):
    with pytest.raises(ValueError, match=sentence):
        settings_of(asked)


@pytest.mark.parametrize(
    ("asked", "positions", "longest"),
    [
        ({}, None, 24),
        ({}, 10, 10),
        ({"max_length": 9}, 10, 9),
        ({"max_length": 9, "max_new_tokens": 3}, 10, 7),
    ],
)
def test_how_long_a_result_may_be(asked, positions, longest):
    assert settings_of(asked).longest(4, positions) == longest


def test_how_long_a_result_must_be():
    assert settings_of({"min_length": 6}).shortest(4) == 6
    assert settings_of({"min_length": 6, "min_new_tokens": 5}).shortest(4) == 9
