"""Files are found in the package that they lie in, whatever of it can be imported here."""

import importlib
import sys

import pytest

from porter.subject.case import Subject
from porter.subject.locate import locate
from porter.subject.siblings import siblings

NET = """
from torch import nn

from ..sizes import WIDTH
from .parts import Part


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.part = Part(WIDTH)
"""
PART = """
from torch import nn


class Part(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.dense = nn.Linear(width, width)
"""
USER = """
from torch import nn

from drop_kit import DropAll, pairs


class Net(nn.Module):
    kind = DropAll
    two = pairs
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes files below a folder; what is imported and found by them is forgotten afterwards."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)

    def written(files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    yield written
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_package_in_a_package_may_import_from_the_outer_one(write):
    folder = write(
        {
            "outer_kit/__init__.py": "",
            "outer_kit/sizes.py": "WIDTH = 4\n",
            "outer_kit/inner/__init__.py": "import not_installed_at_all\n",
            "outer_kit/inner/parts.py": PART,
            "outer_kit/inner/net.py": NET,
        }
    )
    found = locate(str(folder / "outer_kit/inner/net.py"))
    assert (found.name, found.module_name) == ("net", "outer_kit.inner.net")
    module = importlib.import_module(found.module_name)
    assert module.Net().part.dense.in_features == 4
    subject = Subject(found.name, found.file, NET, found.module_name, (), {})
    assert [sibling.name for sibling in siblings(subject)] == ["sizes", "parts"]


def test_a_library_written_in_pytorch_is_ported_beside(write):
    library = "from torch import nn\n\n\nclass DropAll(nn.Module):\n    pass\n"
    text = USER
    folder = write(
        {
            "site-packages/drop_kit/__init__.py": "from .layers import DropAll\nfrom .sizes import pairs\n",
            "site-packages/drop_kit/layers.py": library,
            "site-packages/drop_kit/sizes.py": "def pairs(x):\n    return x, x\n",
            "lonely_net.py": text,
        }
    )
    sys.path.append(str(folder / "site-packages"))
    found = locate(str(folder / "lonely_net.py"))
    (sibling,) = siblings(Subject(found.name, found.file, text, found.module_name, (), {}))
    assert (sibling.name, sibling.module_name) == ("drop_kit_layers", "drop_kit.layers")
