"""Arguments that a model takes together with others only."""

import torch
from torch import nn

from porter.subject.inputs.further_runs import further_runs


class Detector(nn.Module):
    """Its encoder takes maps of several sizes, of which a tensor in their place is none."""

    def forward(
        self,
        pixel_values: torch.Tensor,
        inputs_embeds: torch.Tensor | None = None,
        encoder_outputs: tuple | None = None,
    ):
        batch = pixel_values.shape[0] if inputs_embeds is None else inputs_embeds.shape[0]
        maps = [pixel_values, pixel_values[..., ::2]] if inputs_embeds is None else inputs_embeds
        if encoder_outputs is None:
            if not isinstance(maps, list):
                raise ValueError("maps")
            encoder_outputs = ([each * 2 for each in maps],)
        states = encoder_outputs[0]
        return {"last_hidden_state": states[0].reshape(batch, 1, -1), "encoder_last_hidden_state": states}


def test_vectors_go_with_what_the_encoder_made_where_they_go_alone_nowhere():
    runs, refused = further_runs(Detector(), {"pixel_values": torch.ones(2, 3, 4, 4)})
    given = [run.inputs for run in runs if "inputs_embeds" in run.inputs]
    assert [sorted(inputs) for inputs in given] == [["encoder_outputs", "inputs_embeds", "pixel_values"]]
    assert "inputs_embeds" not in refused
