"""Entries of a tree: each once, in their order, for the classes that there are."""

import pytest

from porter.port.tree_entries import with_entries, with_import

INIT = """\
if TYPE_CHECKING:
    from .configuration_larch import *
    from .modeling_larch import *
    from .tokenization_larch import *
else:
    import sys
"""
TORCH = """\
MODEL_MAPPING_NAMES = OrderedDict(
    [
        ("ash", "AshModel"),
        ("larch-tree", ("LarchModel", "LarchBaseModel")),
    ]
)
MODEL_FOR_CTC_MAPPING_NAMES = OrderedDict([("larch-tree", "LarchForCTC")])
MODEL_FOR_AUDIO_MAPPING_NAMES = OrderedDict([("larch-tree", "LarchForAudio")])
"""
TENSORFLOW = """\
TF_MODEL_MAPPING_NAMES = OrderedDict(
    [
        # Base model mapping
        ("ash", "TFAshModel"),
        ("willow", "TFWillowModel"),
    ]
)
TF_MODEL_FOR_AUDIO_MAPPING_NAMES = OrderedDict([("willow", "TFWillowForAudio")])
TF_MODEL_MAPPING = _LazyAutoMapping(CONFIG_MAPPING_NAMES, TF_MODEL_MAPPING_NAMES)
"""


def test_an_import_stands_in_its_place_once() -> None:
    once = with_import(INIT, "modeling_tf_larch")
    assert once == INIT.replace("    from .tok", "    from .modeling_tf_larch import *\n    from .tok")
    assert with_import(once, "modeling_tf_larch") == once
    assert with_import(INIT, "zebra").splitlines()[4] == "    from .zebra import *"


def test_a_file_without_such_imports_is_not_edited() -> None:
    with pytest.raises(ValueError, match="has no"):
        with_import("import sys\n", "modeling_tf_larch")


def test_an_entry_stands_in_its_place_once() -> None:
    once = with_entries(TENSORFLOW, TORCH, ["LarchModel", "LarchForCTC"])
    line = '        ("larch-tree", "TFLarchModel"),\n'
    assert once == TENSORFLOW.replace(
        '        ("willow", "TFWillowModel")', f'{line}        ("willow", "TFWillowModel")'
    )
    assert with_entries(once, TORCH, ["LarchModel"]) == once


def test_an_entry_may_have_several_classes() -> None:
    both = with_entries(TENSORFLOW, TORCH, ["LarchModel", "LarchBaseModel"])
    assert '        ("larch-tree", ("TFLarchModel", "TFLarchBaseModel")),\n' in both


def test_a_table_on_one_line_gets_several() -> None:
    found = with_entries(TENSORFLOW, TORCH, ["LarchForAudio"])
    rows = '        ("larch-tree", "TFLarchForAudio"),\n        ("willow", "TFWillowForAudio"),\n'
    assert f"TF_MODEL_FOR_AUDIO_MAPPING_NAMES = OrderedDict(\n    [\n{rows}    ]\n)\n" in found


def test_what_is_not_ported_has_no_entry() -> None:
    assert with_entries(TENSORFLOW, TORCH, ["LarchForSomethingElse"]) == TENSORFLOW
