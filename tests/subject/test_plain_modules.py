"""Plain modules: which class is meant, with which arguments, on which inputs."""

import pytest

from porter.base.errors import UsageError
from porter.subject.find import find_subject
from porter.subject.plain_modules import Given, outermost

NET = """
from dataclasses import dataclass
from torch import nn

@dataclass
class Sizes:
    width: int = 8
    classes: int = 3

class Layer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.dense = nn.Linear(width, width)
    def forward(self, x):
        return self.dense(x)

class Net(nn.Module):
    def __init__(self, sizes, layer=Layer, count=1):
        super().__init__()
        self.layers = nn.ModuleList([layer(sizes.width) for _ in range(count)])
    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
"""


@pytest.fixture
def net(tmp_path):
    file = tmp_path / "some_net" / "net.py"
    file.parent.mkdir()
    file.write_text(NET)
    return str(file)


def test_the_class_that_no_other_names_is_meant(net):
    subject = find_subject(net, given=Given({"sizes": {"width": 4}}))
    assert [model.name for case in subject.cases for model in case.models] == ["Net"]
    assert subject.cases[0].arguments == {"sizes": {"width": 4}}


def test_inputs_are_those_of_the_first_layer(net):
    (case,) = find_subject(net, given=Given({"sizes": {"width": 4}})).cases
    assert [(spec.name, spec.shape) for spec in case.inputs] == [("x", (2, 4))]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [({}, "needs sizes"), ({"sizes": {"width": 4}, "depth": 2}, "takes no depth"),
     ({"sizes": {"class": "Other", "arguments": {}}}, "no class 'Other'"), ({"sizes": 3}, "cannot be constructed")],
)  # fmt: skip
def test_arguments_that_do_not_fit(net, arguments, sentence):
    with pytest.raises(UsageError, match=sentence):
        find_subject(net, given=Given(arguments))


def test_a_class_that_is_not_there(net):
    with pytest.raises(UsageError, match="no class 'Nett'"):
        find_subject(net, classes=["Nett"])


def test_several_classes_that_may_be_meant(tmp_path):
    file = tmp_path / "two" / "two.py"
    file.parent.mkdir()
    file.write_text(NET.replace("layer=Layer", "layer=None"))
    with pytest.raises(UsageError, match="several modules: Layer, Net"):
        find_subject(str(file))


def test_a_forward_whose_inputs_are_not_known(tmp_path):
    file = tmp_path / "pair" / "pair.py"
    file.parent.mkdir()
    file.write_text(NET.replace("def forward(self, x)", "def forward(self, x, y)"))
    with pytest.raises(UsageError, match=r"No inputs are known for Net.forward\(x, y\)"):
        find_subject(str(file), given=Given({"sizes": {"width": 4}}))


def test_outermost_reads_bases_and_bodies():
    source = "class A: pass\nclass B(A): pass\nclass C:\n    def f(self): return B()\n"
    assert outermost(source, ["A", "B", "C"]) == ["C"]
