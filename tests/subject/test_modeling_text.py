"""The text that is watched and ported."""

import pytest

from porter.base.errors import UsageError
from porter.subject.modeling_text import modeling_text


def test_constructors_and_assignments_are_said_in_full(tmp_path):
    file = tmp_path / "net.py"
    file.write_text(
        "from torch import nn\n\n\n"
        "class Wide(nn.Linear):\n"
        "    def __init__(self, *args, **kwargs):\n"
        "        super().__init__(*args, **kwargs)\n"
        "        self.a, self.b = 1, []\n"
    )
    text = modeling_text(file)
    assert "def __init__(self, in_features, out_features, bias=True):" in text
    assert "self.a = 1; self.b = []" in text


def test_what_is_not_text_is_said(tmp_path):
    file = tmp_path / "net.py"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError):
        modeling_text(file)
