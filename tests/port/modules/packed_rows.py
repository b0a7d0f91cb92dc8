"""Rows packed into one list and cut again at lengths that a tensor holds, as vision models do with images."""

import torch
from torch import nn


def positions(lengths, offset=0):
    """The place of each token in its row."""
    places = []
    for length in lengths.tolist():
        places.append(torch.arange(length) + offset)
    return torch.cat(places)


class Cut(nn.Module):
    def forward(self, flat, lengths):
        return [piece * 2 for piece in flat.split(lengths.tolist())]


class Squares(nn.Module):
    """Fills two lists piece by piece: one is joined here, the other, whose tensors differ in shape, is handed on."""

    def forward(self, flat, lengths, grid):
        outputs, squares = [], []
        for piece, (first, second) in zip(flat.split(lengths.tolist()), grid):
            mixed = piece * first + second
            outputs.append(mixed)
            squares.append(mixed @ mixed.transpose(0, 1))
        total = torch.cat(outputs, dim=0)
        squares = None if squares[0] is None else tuple(squares)
        return total, squares


class Normed(nn.Module):
    """Changes each piece several times before it is added to the list."""

    def __init__(self, width):
        super().__init__()
        self.norm, self.proj = nn.LayerNorm(width), nn.Linear(width, width)

    def forward(self, flat, lengths, grid):
        pieces = flat.split(lengths.tolist(), dim=0)
        changed = []
        for piece, row in zip(pieces, grid):
            first, second = row
            piece = self.norm(piece)
            piece = self.proj(piece * first)
            changed.append(piece - second)
        return torch.cat(changed, dim=0)


def whole(rows):
    """One tensor, whether it comes in parts or not."""
    if isinstance(rows, (list, tuple)):
        rows = torch.cat(rows, dim=0)
    return rows


class PackedRows(nn.Module):
    def __init__(self, width: int = 8, most: int = 32):
        super().__init__()
        self.places = nn.Embedding(most, width)
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.out, self.cut = nn.Linear(width, width), Cut()
        self.squares, self.normed = Squares(), Normed(width)

    def forward(self, x):
        rows, length, width = x.shape
        lengths = torch.full((rows,), length, dtype=torch.int64)
        flat = x.reshape(-1, width)
        flat = flat + self.places(positions(lengths))
        if (largest := flat.abs().max()) > 0.5:
            scale: torch.Tensor = largest * 2
            flat = flat / scale
        splits = [torch.split(tensor, lengths.tolist(), dim=0) for tensor in (self.query(flat), self.key(flat))]
        attended = [torch.softmax(q @ k.transpose(0, 1), dim=-1) @ k for q, k in zip(*splits)]
        attended = torch.cat(attended, dim=0)
        pieces = flat.split(lengths.tolist())
        means = [piece.mean(dim=0) for piece in pieces]
        together = torch.cat(pieces, dim=0)
        grid = torch.stack([lengths, lengths + 1], dim=1) / 8
        total, squares = self.squares(flat, lengths, grid)
        traces = torch.stack([square.diagonal().sum() for square in squares])
        parts = attended + together + whole(self.cut(flat, lengths)) + total + self.normed(flat, lengths, grid)
        return self.out(parts), torch.stack(means), traces
