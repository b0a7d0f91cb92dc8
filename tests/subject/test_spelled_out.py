"""Constructors that hand `*args` on to a layer of PyTorch."""

import ast

import pytest

from porter.subject.spelled_out import spelled_out

HEAD = "from torch import nn\nimport torch.nn as net\nfrom torch.nn import Linear as Dense\n\n\n"
REST = "groups=1, bias=True, padding_mode='zeros'"
SIZES = f"in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, {REST}"


def written(lines):
    return spelled_out(HEAD + lines).removeprefix(HEAD)


def test_the_base_says_what_the_constructor_takes():
    text = written(
        "class Causal(nn.Conv1d):\n"
        "    def __init__(self, *args, **kwargs):\n"
        "        super().__init__(*args, **kwargs)\n"
        "        self.left = self.dilation[0]\n"
    )
    assert f"def __init__(self, {SIZES}):" in text
    assert "super().__init__(in_channels=in_channels, out_channels=out_channels, kernel_size=kernel_size" in text


def test_own_parameters_stay_and_what_is_given_is_not_asked_for():
    text = written(
        "class Masked(net.Conv2d):\n"
        "    def __init__(self, kind: str, size, *args, gain=1.0, **kwargs):\n"
        "        super(Masked, self).__init__(size, size, *args, padding=1, **kwargs)\n"
        "        self.gain = gain\n"
    )
    assert f"self, kind: str, size, kernel_size, stride=1, dilation=1, {REST}, *, gain=1.0)" in text
    assert "super(Masked, self).__init__(size, size, padding=1, kernel_size=kernel_size, stride=stride" in text


def test_a_subclass_of_such_a_class_takes_the_same():
    text = written(
        "class Gated(Dense):\n"
        "    def __init__(self, gate, *args):\n"
        "        super().__init__(*args)\n"
        "        self.gate = gate\n\n\n"
        "class Twice(Gated):\n"
        "    def __init__(self, *args, **kwargs):\n"
        "        super().__init__(*args, **kwargs)\n"
        "        self.twice = 2\n"
    )
    assert text.count("def __init__(self, gate, in_features, out_features, bias=True):") == 2


def test_no_line_moves():
    lines = (
        "class Causal(nn.Conv1d):\n"
        "    def __init__(\n"
        "        self,\n"
        "        *args,\n"
        "        **kwargs,\n"
        "    ):\n"
        "        super().__init__(\n"
        "            *args,\n"
        "            **kwargs,\n"
        "        )\n"
        "        self.left = 1\n"
    )
    text = written(lines)
    ast.parse(text)
    assert text.splitlines()[10] == "        self.left = 1"
    assert len(text.splitlines()) == len(lines.splitlines())


CONSTRUCTOR = "    def __init__(self, *args, **kwargs):\n"
CALL = "        super().__init__(*args, **kwargs)\n"


@pytest.mark.parametrize(
    "lines",
    [
        f"class A(nn.Module):\n{CONSTRUCTOR}{CALL}        self.a = 1\n",
        f"class A(nn.LSTM):\n{CONSTRUCTOR}{CALL}        self.a = 1\n",
        f"class A(nn.Linear):\n{CONSTRUCTOR}{CALL}",
        f"class A(nn.Linear):\n{CONSTRUCTOR}        self.a = len(args)\n{CALL}",
        f"class A(nn.Linear):\n{CONSTRUCTOR.replace('*args', 'a=1, *args')}        self.a = a\n{CALL}",
        f"class A(Unknown):\n{CONSTRUCTOR}{CALL}        self.a = 1\n",
        "class A(nn.Linear:\n",
    ],
)
def test_all_else_stays_as_it_is(lines):
    assert written(lines) == lines
