import numpy as np
import pytest
import torch

from porter.base.errors import UsageError
from porter.subject import Case, InputSpec
from porter.subject.inputs.arrays import batch_of, length_of, numpy_inputs, resized
from porter.subject.inputs.variation import checked_variation, runs, torch_inputs
from porter.subject.strong_weights import strengthen
from porter.subject.torch_model import build_config

IDS = InputSpec("input_ids", (2, 7), "int64", {"kind": "randint", "low": 20, "high": 99})
MASK = InputSpec("attention_mask", (2, 7), "int64", {"kind": "ones"})
DECODER = InputSpec("decoder_input_ids", (2, 5), "int64", {"kind": "randint", "low": 20, "high": 99})
PIXELS = InputSpec("pixel_values", (2, 3, 8, 8), "float32", {"kind": "normal", "std": 2.0})


def test_numbers_come_from_seed_and_position():
    inputs = numpy_inputs([IDS, PIXELS], seed=3)
    np.testing.assert_array_equal(inputs["input_ids"], np.random.default_rng(3000).integers(20, 99, size=(2, 7)))
    drawn = np.random.default_rng(3001).standard_normal(size=(2, 3, 8, 8)) * 2.0
    np.testing.assert_array_equal(inputs["pixel_values"], drawn.astype("float32"))
    assert inputs["input_ids"].dtype == np.int64


def test_plain_python_values_are_handed_on():
    flag = InputSpec("interpolate", (), "", {"kind": "py", "value": True})
    assert numpy_inputs([flag, IDS], batch=3)["interpolate"] is True


def test_a_decoder_keeps_its_own_length():
    shapes = {spec.name: spec.shape for spec in resized([IDS, MASK, DECODER], batch=3, length=11)}
    assert shapes == {"input_ids": (3, 11), "attention_mask": (3, 11), "decoder_input_ids": (3, 9)}


def test_only_sizes_that_are_a_length_change():
    boxes = InputSpec("bbox", (2, 7, 4), "int64", {"kind": "zeros"})
    choices = InputSpec("input_ids", (2, 2, 7), "int64", {"kind": "zeros"})
    wave = InputSpec("input_values", (2, 400), "float32", {"kind": "zeros"})
    assert [spec.shape for spec in resized([IDS, boxes, PIXELS], length=9)] == [(2, 9), (2, 9, 4), (2, 3, 8, 8)]
    assert resized([choices], length=9)[0].shape == (2, 2, 9)
    assert resized([wave], length=500)[0].shape == (2, 500)
    assert (batch_of([choices]), length_of([choices])) == (2, 7)


def test_given_values_are_cut_off_or_go_on_with_the_last_column():
    spec = InputSpec("input_ids", (2, 3), "int64", {"kind": "values", "data": [1, 2, 3, 4, 5, 6]})
    assert numpy_inputs([spec], batch=3, length=4)["input_ids"].tolist() == [[1, 2, 3, 3], [4, 5, 6, 6], [1, 2, 3, 3]]
    assert numpy_inputs([spec], length=2)["input_ids"].tolist() == [[1, 2], [4, 5]]


class Pooled(torch.nn.Module):
    """Takes at most `most` columns and exactly `rows` rows, where these are given."""

    def __init__(self, rows=None, most=None):
        super().__init__()
        self.rows, self.most = rows, most

    def forward(self, input_ids, attention_mask):
        if input_ids.shape[0] != (self.rows or input_ids.shape[0]) or input_ids.shape[1] > (self.most or 99):
            raise ValueError(input_ids.shape)
        return (input_ids * attention_mask).sum()


@pytest.mark.parametrize(
    ("model", "shape"),
    [(Pooled(), (3, 9)), (Pooled(most=7), (3, 7)), (Pooled(rows=2), (2, 9)), (Pooled(rows=2, most=7), (2, 7))],
)
def test_a_variation_goes_as_far_as_pytorch_runs(model, shape):
    inputs = checked_variation(model, [IDS, MASK, PIXELS])
    assert inputs["input_ids"].shape == shape
    assert runs(model, inputs)
    assert inputs["attention_mask"][:-1].all()
    assert not inputs["attention_mask"][-1].all()


def test_only_arguments_of_forward_become_tensors():
    assert sorted(torch_inputs(Pooled(), numpy_inputs([IDS, MASK, PIXELS]))) == ["attention_mask", "input_ids"]


class Parts(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(400, 300)
        self.embedding = torch.nn.Embedding(50, 400)
        self.norm = torch.nn.LayerNorm(300)
        self.batch_norm = torch.nn.BatchNorm1d(300)
        self.scale = torch.nn.Parameter(torch.full((500,), 2.0))


def test_strong_weights_are_far_from_zero_and_one():
    model = Parts()
    strengthen(model)
    state = {name: value.double().numpy() for name, value in model.state_dict().items()}
    assert np.std(state["linear.weight"]) == pytest.approx(1 / 20, rel=0.05)
    assert np.std(state["linear.bias"]) == pytest.approx(0.1, rel=0.2)
    assert np.std(state["embedding.weight"]) == pytest.approx(0.5, rel=0.05)
    assert (np.mean(state["norm.weight"]), np.std(state["norm.weight"])) == pytest.approx((1, 0.1), rel=0.2)
    assert np.std(state["norm.bias"]) == pytest.approx(0.1, rel=0.2)
    assert np.std(state["batch_norm.running_mean"]) == pytest.approx(0.1, rel=0.2)
    assert np.all(state["batch_norm.running_var"] > 0.8)
    assert (np.mean(state["scale"]), np.std(state["scale"])) == pytest.approx((2, 0.02), rel=0.2)


def test_strong_weights_depend_on_names_only():
    one, other = Parts(), Parts()
    strengthen(one)
    strengthen(other)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_a_configuration_that_does_not_fit_is_one_sentence():
    case = Case("odd", "transformers.models.bert.configuration_bert", "BertConfig", {"hidden_size": "wide"}, (), ())
    with pytest.raises(UsageError, match="BertConfig does not take this configuration"):
        build_config(case)


def test_what_a_model_writes_into_its_inputs_does_not_reach_the_arrays():
    class Scaled(torch.nn.Module):
        def forward(self, pixel_values):
            pixel_values *= 2
            return pixel_values

    inputs = numpy_inputs([PIXELS])
    kept = inputs["pixel_values"].copy()
    Scaled()(**torch_inputs(Scaled(), inputs))
    np.testing.assert_array_equal(inputs["pixel_values"], kept)
