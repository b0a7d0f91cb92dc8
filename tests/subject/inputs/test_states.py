"""What a first call gives is given back, whatever it is called."""

from types import SimpleNamespace

import torch
from torch import nn

from porter.subject.inputs.further_runs import further_runs
from porter.subject.inputs.states import given_states, steps_from

INPUTS = {"input_ids": torch.arange(20, 34).reshape(2, 7), "attention_mask": torch.ones(2, 7, dtype=torch.int64)}


class Remembering(nn.Module):
    """Hands out what it remembers under a name of its own, and takes it back."""

    config = SimpleNamespace(vocab_size=128, hidden_size=8)

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(128, 8)

    def forward(self, input_ids, attention_mask=None, memory=None, doubled=None, scaled=False):
        vectors = self.embed(input_ids)
        if memory is not None:
            if attention_mask is not None and attention_mask.shape[1] != vectors.shape[1]:
                raise ValueError("the mask is of the new tokens")
            vectors = vectors + memory[0]
        if doubled:
            vectors = vectors * 2
        return {"last_hidden_state": vectors / 2 if scaled else vectors, "memory": [vectors.sum(1, keepdim=True)]}


Remembering.forward.__annotations__.update(doubled="bool | None", attention_mask=torch.Tensor)


def test_outputs_that_are_arguments_too():
    _, states = given_states(Remembering(), INPUTS)
    assert list(states) == ["memory"]


def test_the_mask_grows_or_is_that_of_the_token():
    steps = list(steps_from(INPUTS, {"memory": 1}))
    assert {step["attention_mask"].shape[1] for step in steps} == {8, 1}
    assert all(step["input_ids"].shape == (2, 1) and step["memory"] == 1 for step in steps)


def test_a_run_goes_on_from_a_memory():
    run = next(run for run in further_runs(Remembering(), INPUTS)[0] if run.fed_back)
    assert run.fed_back == ("memory",)
    assert run.name == "from memory"
    assert run.before is not None and run.before["input_ids"].shape == (2, 7)
    assert run.inputs["attention_mask"].shape == (2, 1)
    assert "memory" in run.given


def test_switches_are_turned():
    names = {run.name for run in further_runs(Remembering(), INPUTS)[0]}
    assert {"with doubled=True", "with doubled=False", "with scaled=True"} <= names


def test_ids_with_an_axis_for_channels_have_it_on_either_side():
    inputs = {"decoder_input_ids": torch.zeros(2, 4, 9, dtype=torch.int64)}
    shapes = [tuple(step["decoder_input_ids"].shape) for step in steps_from(inputs, {"past_key_values": 1})]
    assert shapes == [(2, 4, 1), (2, 1, 9)]
