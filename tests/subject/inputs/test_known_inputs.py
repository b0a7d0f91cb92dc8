"""The one maker of inputs that are known by their names."""

from types import SimpleNamespace

import numpy as np
import pytest

from porter.subject.inputs.arrays import numpy_inputs
from porter.subject.inputs.input_sizes import input_sizes
from porter.subject.inputs.known_inputs import Amounts, bins_first, known_inputs, ordinary_ids

AMOUNTS = Amounts(rows=2, length=9, decoded=4, side=20, frames=6, samples=50)


def specs(**fields):
    sizes = input_sizes(SimpleNamespace(**fields))
    return {spec.name: spec for spec in known_inputs(sizes, AMOUNTS, ordinary_ids(sizes, 0))}


def test_the_configuration_goes_before_the_usual_amounts():
    plain, named = specs(), specs(image_size=8, num_channels=1, num_mel_bins=5, max_source_positions=7)
    assert (plain["pixel_values"].shape, plain["input_features"].shape) == ((2, 3, 20, 20), (2, 6, 80))
    assert (named["pixel_values"].shape, named["input_features"].shape) == ((2, 1, 8, 8), (2, 14, 5))
    assert bins_first(named["input_features"]) == (2, 5, 14)


def test_a_mask_goes_with_the_tokens_or_with_the_samples():
    assert specs()["attention_mask"].shape == (2, 9)
    assert specs(conv_stride=[5, 2])["attention_mask"].shape == (2, 50)
    assert specs(conv_stride=[5, 2], max_position_embeddings=40)["attention_mask"].shape == (2, 9)


@pytest.mark.parametrize(("types", "there"), [(None, False), (1, False), (2, True)])
def test_token_types_are_made_where_there_are_several(types, there):
    assert ("token_type_ids" in specs(type_vocab_size=types)) is there


def test_ordinary_ids_leave_special_tokens_out_but_for_the_end_and_the_start():
    made = specs(vocab_size=6, pad_token_id=0, eos_token_id=1, mask_token_id=4, decoder_start_token_id=3)
    arrays = numpy_inputs(list(made.values()))
    ids, decoder = arrays["input_ids"], arrays["decoder_input_ids"]
    assert set(np.unique(ids[:, :-1])) <= {2, 5}
    assert ids[:, -1].tolist() == [1, 1]
    assert decoder[:, 0].tolist() == [3, 3]
    assert set(np.unique(decoder[:, 1:])) <= {2, 5}


def test_a_vocabulary_of_special_tokens_alone_is_drawn_from_all_the_same():
    made = specs(vocab_size=2, pad_token_id=0, eos_token_id=1)
    assert set(np.unique(numpy_inputs(list(made.values()))["input_ids"])) <= {0, 1}
