"""Reading the rule table."""

from pathlib import Path

import pytest

from porter.base.errors import UsageError
from porter.rulebook import listing as rulebook
from porter.rulebook.signature import parse_signature


def missing_in(tmp_path: Path, source: str) -> list[str]:
    file = tmp_path / "modeling_x.py"
    file.write_text(source)
    return [entry.name for entry in rulebook.missing(file)]


@pytest.mark.parametrize(
    "text",
    ["torch.sum(input, dim=None, keepdim=False)", "torch.Tensor.T", "torch.cat(tensors, dim=0)", "torch.f(*x, y=1)",
     "torch.cumsum(input, dim, *, dtype=None)"],
)  # fmt: skip
def test_a_signature_is_shown_as_declared(text: str) -> None:
    assert rulebook.signature_text(parse_signature(text)) == text


def test_missing_follows_the_files_own_names_for_torch(tmp_path: Path) -> None:
    source = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n"
    source += "F.nothing(nn.Nothing()(1))\ntorch.nothing()\n"
    assert sorted(missing_in(tmp_path, source)) == ["torch.nn.Nothing", "torch.nn.functional.nothing", "torch.nothing"]


def test_missing_leaves_alone_what_is_not_torchs(tmp_path: Path) -> None:
    source = "import numpy as np\nimport torch\nnp.frombuffer(b'')\n'a,b'.split(',')\n[].append(1)\n"
    source += "class A:\n    @torch.no_grad()\n    def erfinv(self):\n        return self.erfinv()\n"
    assert missing_in(tmp_path, source) == []


def test_missing_counts_and_sorts_by_calls(tmp_path: Path) -> None:
    file = tmp_path / "modeling_x.py"
    file.write_text("import torch\ntorch.once()\ntorch.twice()\ntorch.twice()\n")
    found = rulebook.missing(file)
    assert [(entry.name, entry.lines) for entry in found] == [("torch.twice", (3, 4)), ("torch.once", (2,))]


def test_a_name_that_several_end_in_is_asked_back() -> None:
    with pytest.raises(UsageError, match="has no rule"):
        rulebook.find("no_such_name_at_all")


def test_a_stub_of_a_function_in_python_and_of_one_in_c() -> None:
    assert "torch.nn.functional.gelu(input, approximate='none')" in rulebook.stub("torch.nn.functional.gelu")
    assert 'cases={"torch.special.erfcx(input)": "tf.FILL_IN"}' in rulebook.stub("torch.special.erfcx")
    assert "torch.nn.functional.relu(input, inplace=False)" in rulebook.stub("torch.nn.functional.relu")
