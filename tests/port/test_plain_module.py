"""`porter scaffold` of plain modules, from the file to the proof."""

import subprocess
import sys

import pytest

from porter.port.chain import Options, run
from porter.subject.inputs.parse_input import parse_input
from porter.subject.plain_modules import Given

FILE = """
from dataclasses import dataclass
import torch
from torch import nn


@dataclass
class NetConfig:
    vocab: int = 11
    width: int = 8
    bias: bool = True


@dataclass
class NetOutput:
    logits: torch.Tensor
    states: tuple


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.width, config.width, bias=config.bias)

    def forward(self, x):
        return x + torch.tanh(self.dense(x))


class Net(nn.Module):
    def __init__(self, config, block=Block, depth=2):
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocab, config.width)
        self.blocks = nn.ModuleList([block(config) for _ in range(depth)])
        self.head = nn.Linear(config.width, 3)

    def forward(self, ids, extras=None):
        x = self.embed(ids)
        if extras is not None:
            x = x + extras[0] * extras[1]
        states = []
        for block in self.blocks:
            x = block(x)
            states.append(x)
        return NetOutput(logits=self.head(x), states=tuple(states))
"""


@pytest.mark.parametrize("block", [{}, {"block": "Block"}])
def test_a_file_with_a_configuration_of_its_own(tmp_path, block):
    file = tmp_path / "own_net.py"
    file.write_text(FILE)
    inputs = tuple(map(parse_input, ("ids=2x5:int64:0-11", "extras.0=2x5x8", "extras.1=2x5x8")))
    given = Given({"config": {"width": 8}, "depth": 3, **block}, inputs)
    result = run(Options(str(file), tmp_path / "out", ("Net",), given=given))
    assert [found.ok for found in result.classes] == [True]
    assert [note for note in result.notes if note.level == "left"] == []


def test_the_test_that_is_written_beside_holds(tmp_path):
    file = tmp_path / "own_net.py"
    file.write_text(FILE)
    inputs = (parse_input("ids=2x5:int64:0-11"),)
    run(Options(str(file), tmp_path / "out", ("Net",), verify=False, given=Given({"config": {"width": 8}}, inputs)))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path / "out")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout
