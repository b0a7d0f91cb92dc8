"""Files beside: a package of several files is ported file by file, and what they do together is what PyTorch does."""

import sys
from pathlib import Path

import pytest

from porter.port.load import import_file
from porter.port.port import port
from porter.port.verify import verify
from porter.subject import Case, InputSpec, ModelCase, Subject
from porter.subject.siblings import siblings

FILES = {
    "kit/__init__.py": "",
    "kit/configuration_kit.py": """
from transformers import PretrainedConfig


class KitConfig(PretrainedConfig):
    model_type = "kit"

    def __init__(self, width=16, **kwargs):
        self.width = width
        super().__init__(**kwargs)
""",
    "kit/sizes.py": """
GROWTH = 2
""",
    "kit/tools/__init__.py": "",
    "kit/tools/norms.py": """
import torch
from torch import nn

EPSILON = 1e-5


def centred(x):
    return x - x.mean(dim=-1, keepdim=True)


class Scale(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        x = centred(x)
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON)
""",
    "kit/parts.py": """
from torch import nn
from torch.nn import functional as F

from . import sizes
from .tools.norms import Scale


class Base(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = Scale(width)

    def forward(self, x, gain=None):
        x = self.norm(x)
        return x if gain is None else x * gain


class Block(Base):
    def __init__(self, width):
        super().__init__(width)
        self.rise = nn.Linear(width, sizes.GROWTH * width)
        self.fall = nn.Linear(sizes.GROWTH * width, width)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x, gain=None, mask=None):
        x = super().forward(x, gain)
        x = x if mask is None else x * mask.to(x.dtype)
        return self.dropout(self.fall(F.gelu(self.rise(x))))
""",
    "kit/modeling_kit.py": """
import torch
from torch import nn
from transformers import PreTrainedModel

from .configuration_kit import KitConfig
from .parts import *
from .tools.norms import EPSILON as SMALL, centred


class Tail(Base):
    def __init__(self, width):
        super().__init__(width)
        self.out = nn.Linear(width, 3)

    def forward(self, x):
        return self.out(super().forward(x))


class KitModel(PreTrainedModel):
    config_class = KitConfig
    base_model_prefix = "model"

    def __init__(self, config):
        super().__init__(config)
        self.blocks = nn.ModuleList([Block(config.width) for _ in range(2)])
        self.tail = Tail(config.width)
        self.post_init()

    def forward(self, x, gain=None):
        mask = x.sum(-1, keepdim=True) > 0
        for block in self.blocks:
            x = x + block(centred(x), gain=gain, mask=mask)
        return self.tail(x) + SMALL
""",
}


@pytest.fixture(scope="module")
def subject(tmp_path_factory) -> Subject:
    folder = tmp_path_factory.mktemp("package")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(text)
    sys.path.insert(0, str(folder))
    inputs = (InputSpec("x", (2, 5, 16), "float32", {"kind": "normal"}),
              InputSpec("gain", (2, 5, 1), "float32", {"kind": "normal"}))  # fmt: skip
    case = Case("kit", "kit.configuration_kit", "KitConfig", {}, inputs, (ModelCase("KitModel"),))
    file = folder / "kit" / "modeling_kit.py"
    yield Subject("kit", file, file.read_text(), "kit.modeling_kit", (case,), {})
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == "kit"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def ported(subject, tmp_path_factory):
    return port(subject, tmp_path_factory.mktemp("ports"))


def test_a_file_stands_behind_those_that_it_needs(subject):
    assert [sibling.module_name for sibling in siblings(subject)] == ["kit.sizes", "kit.tools.norms", "kit.parts"]


def test_a_file_of_the_library_has_no_siblings():
    import transformers.models.bert.modeling_bert as bert

    file = Path(str(bert.__file__))
    assert siblings(Subject("bert", file, file.read_text(), bert.__name__, (), {})) == ()


def test_each_file_beside_is_ported_beside(ported):
    assert [one.file.name for one in ported.parts] == [
        "modeling_tf_sizes.py",
        "modeling_tf_tools_norms.py",
        "modeling_tf_parts.py",
    ]
    assert "torch" not in "".join(one.draft.code for one in ported.whole()).replace("PyTorch", "")


def test_what_is_imported_comes_from_there(ported):
    code = ported.draft.code
    assert 'TFBlock = import_beside(__file__, "modeling_tf_parts").TFBlock' in code
    assert 'centred = import_beside(__file__, "modeling_tf_tools_norms").centred' in code
    assert 'SMALL = import_beside(__file__, "modeling_tf_tools_norms").EPSILON' in code
    assert 'sizes = import_beside(__file__, "modeling_tf_sizes")' in ported.parts[-1].draft.code


def test_what_keras_keeps_for_itself_has_the_name_of_the_port_in_other_files_too(ported):
    assert "block(centred(x), gain=gain, attention_mask=mask, training=training)" in ported.draft.code


def test_the_whole_matches_with_every_weight_in_its_place(ported, subject):
    (result,) = verify(subject, import_file(ported.file))
    assert result.ok, result


def test_nothing_is_left_and_notes_name_their_files(ported):
    assert [note for note in ported.all_notes if note.level == "left"] == []
