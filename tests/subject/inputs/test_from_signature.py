"""Sets of inputs that a forward may take, of which the caller keeps the first that runs."""

from types import SimpleNamespace

from porter.subject.inputs.from_signature import possible_inputs


def test_spectrograms_come_in_each_form_that_models_take():
    """Frames first, bins first, and as an image of one colour."""

    def forward(input_features): ...

    sets = possible_inputs(forward, SimpleNamespace(num_mel_bins=64))
    assert [[spec.shape for spec in specs] for specs in sets] == [[(2, 20, 64)], [(2, 64, 20)], [(2, 1, 20, 64)]]
