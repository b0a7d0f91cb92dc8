"""Scores of spans of words: their first and last states, projected."""

import torch
import torch.nn.functional as F
from torch import nn


def create_projection_layer(hidden_size: int, dropout: float, out_dim: int = None) -> nn.Sequential:
    if out_dim is None:
        out_dim = hidden_size

    return nn.Sequential(
        nn.Linear(hidden_size, out_dim * 4), nn.ReLU(), nn.Dropout(dropout), nn.Linear(out_dim * 4, out_dim)
    )


def extract_elements(sequence, indices):
    """Gather the states at the indices of each row."""
    B, L, D = sequence.shape
    expanded_indices = indices.unsqueeze(2).expand(-1, -1, D)
    extracted_elements = torch.gather(sequence, 1, expanded_indices)
    return extracted_elements


class SpanMarker(nn.Module):
    def __init__(self, hidden_size: int, max_width: int, dropout: float = 0.4):
        super().__init__()
        self.max_width = max_width
        self.project_start = create_projection_layer(hidden_size, dropout)
        self.project_end = create_projection_layer(hidden_size, dropout)
        self.out_project = create_projection_layer(hidden_size * 2, dropout, hidden_size)

    def forward(self, h: torch.Tensor, span_idx: torch.Tensor) -> torch.Tensor:
        B, L, D = h.size()

        start_rep = self.project_start(h)
        end_rep = self.project_end(h)

        start_span_rep = extract_elements(start_rep, span_idx[:, :, 0])
        end_span_rep = extract_elements(end_rep, span_idx[:, :, 1])

        cat = torch.cat([start_span_rep, end_span_rep], dim=-1).relu()

        return self.out_project(cat).view(B, L, self.max_width, D)


class SpanScorer(nn.Module):
    def __init__(self, hidden_size, max_width, dropout=0.4, num_layers=1):
        super().__init__()
        self.rnn = nn.LSTM(
            hidden_size, hidden_size // 2, num_layers=num_layers, bidirectional=True, batch_first=True
        )
        self.span_rep = SpanMarker(hidden_size, max_width, dropout)
        self.prompt_rep = create_projection_layer(hidden_size, dropout)

    def forward(self, words, prompts, span_idx, span_mask=None):
        words, _ = self.rnn(words)
        if span_mask is not None:
            span_idx = span_idx * span_mask.unsqueeze(-1)
        spans = self.span_rep(words, span_idx)
        prompts = self.prompt_rep(prompts)
        scores = torch.einsum("BLKD,BCD->BLKC", spans, prompts)
        return F.logsigmoid(scores)
