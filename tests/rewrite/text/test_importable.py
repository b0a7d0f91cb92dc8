"""A draft that could not be imported loses a statement, not the file; guards stay around what they guard."""

import sys

import pytest

from porter.port.load import import_file
from porter.port.port import port
from porter.subject import Case, InputSpec, ModelCase, Subject

HEAD = """
import importlib.util
import sys

import torch
from torch import nn
from transformers import BertConfig, PreTrainedModel
"""
MODEL = """

class OddModel(PreTrainedModel):
    config_class = BertConfig

    def __init__(self, config):
        super().__init__(config)
        self.proj = nn.Linear(4, 4)
        self.post_init()

    def forward(self, x):
        return self.proj(x)
"""


@pytest.fixture
def ported(tmp_path, monkeypatch):
    """The port of a file whose head and tail are given around a model of one layer."""

    def run(head: str, tail: str = "", model: str = MODEL):
        folder = tmp_path / "source"
        folder.mkdir(exist_ok=True)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, "modeling_odd_file", raising=False)
        file = folder / "modeling_odd_file.py"
        file.write_text(HEAD + head + model + tail)
        inputs = (InputSpec("x", (2, 3, 4), "float32", {"kind": "normal"}),)
        case = Case("odd_file", "transformers", "BertConfig", {}, inputs, (ModelCase("OddModel"),))
        return port(Subject("odd_file", file, file.read_text(), "modeling_odd_file", (case,), {}), tmp_path / "port")

    return run


def left(port):
    return [note.message for note in port.all_notes if note.level == "left"]


def assumed(port):
    return [note.message for note in port.all_notes if note.level == "assumed"]


def test_a_line_of_the_module_that_only_pytorch_has_is_dropped_with_a_note(ported):
    port = ported("\nif sys.maxsize > 2:\n    torch.backends.cuda.matmul.allow_tf32 = True\n")
    assert import_file(port.file)
    assert left(port) == []
    assert [message for message in assumed(port) if "allow_tf32" in message]


def test_the_handler_stands_where_the_import_is_pytorchs(ported):
    guard = "\ntry:\n    from torch import compile as fuse\n    FUSED = True\nexcept ImportError:\n    FUSED = False\n"
    port = ported(guard, "\n\ndef fused():\n    return FUSED\n")
    assert import_file(port.file).fused() is False
    assert left(port) == []


def test_the_guard_stays_around_what_may_not_be_installed(ported):
    guard = "\ntry:\n    import no_such_kernel as kernel\nexcept ImportError:\n    kernel = None\n"
    port = ported(guard, "\n\ndef has_kernel():\n    return kernel is not None\n")
    assert import_file(port.file).has_kernel() is False
    assert "import no_such_kernel as kernel" in port.draft.code


def test_a_condition_that_can_be_asked_stays(ported):
    found = 'importlib.util.find_spec("no_such_kernel")'
    guard = f"\nif {found}:\n    from no_such_kernel import fast\nelse:\n    fast = None\n"
    port = ported(guard, "\n\ndef is_fast():\n    return fast is not None\n")
    assert import_file(port.file).is_fast() is False


def test_a_guard_around_names_that_nothing_reads_goes_with_them(ported):
    port = ported("\ntry:\n    import no_such_kernel\nexcept ImportError:\n    pass\n")
    assert "no_such_kernel" not in port.draft.code
    assert left(port) == []


def test_a_class_whose_base_is_missing_raises_when_it_is_made(ported):
    head = "\nfrom transformers.generation.stopping_criteria import StoppingCriteria\n"
    port = ported(
        head, "\n\nclass Stop(StoppingCriteria):\n    limit = 3\n\n    def __call__(self, ids):\n        return ids\n"
    )
    module = import_file(port.file)
    with pytest.raises(NotImplementedError, match=r"^modeling_odd_file.py:\d+: `StoppingCriteria` has no counterpart"):
        module.Stop()
    assert left(port) == ["`StoppingCriteria` has no counterpart in TensorFlow; Stop raises when it is made."]


def test_a_default_that_is_missing_costs_its_function(ported):
    port = ported(
        "",
        "\n\ndef seeded(x, generator=torch.default_generator):\n    return x\n\n\ndef twice(x):\n    return 2 * x\n",
    )
    module = import_file(port.file)
    with pytest.raises(NotImplementedError, match="torch"):
        module.seeded(1)
    assert module.twice(2) == 4


def test_only_the_line_raises_and_the_rest_of_its_function_runs(ported):
    tail = (
        "\n\ndef chosen(x, way=None):\n    if way == 'a':\n        return torch.classes.odd.way(x)\n"
        "    elif torch.classes.odd.knows(way):\n        return x\n    return 2 * x\n"
    )
    port = ported("", tail)
    module = import_file(port.file)
    with pytest.raises(NotImplementedError, match=r"^modeling_odd_file.py:\d+: "):
        module.chosen(1, "a")
    assert "# return torch.classes.odd.way(x)" in port.draft.code
    lines = [note.line for note in port.all_notes if note.level == "left"]
    assert len(set(lines)) == len(lines) >= 1


def test_names_of_annotations_need_not_exist(ported):
    head = "\nfrom transformers.generation.stopping_criteria import StoppingCriteria\n"
    port = ported(
        head, "\n\ndef kept(x: StoppingCriteria) -> StoppingCriteria:\n    y: StoppingCriteria = x\n    return y\n"
    )
    assert import_file(port.file).kept(3) == 3
    assert left(port) == []


def test_code_that_is_not_in_the_port_has_no_notes(ported):
    tail = "\n\ndef load_old(path):\n    return torch.load(path)\n"
    model = (
        MODEL + "\n    @classmethod\n    def from_old(cls, path):\n        cls(None).load_state_dict(load_old(path))\n"
    )
    port = ported("", tail, model)
    assert "load_old" not in port.draft.code
    assert left(port) == []


def test_every_use_of_a_star_import_is_an_import(ported):
    port = ported("\nfrom math import *\n", "\n\ndef rooted(x):\n    return sqrt(x)\n")
    assert import_file(port.file).rooted(4) == 2
    assert "from math import sqrt" in port.draft.code
