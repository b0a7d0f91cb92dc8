"""Of PyTorch's version the port holds what the file asks of it, and nothing of what merely names it."""

import pytest
import torch

from tests.rewrite.bodies import port_bodies

HELPERS = """
from packaging import version

IS_NEW = version.parse(torch.__version__) >= version.parse("2.0.0")
"""
BODIES = {
    "Asked": "return x * 2 if version.parse(torch.__version__) < version.parse('1.9') else x",
    "Taken": "major, minor = (int(part) for part in torch.__version__.split('.')[:2])\nreturn x * major",
    "Numbered": "return x * int(torch.__version__.split('.')[1])",
    "Absent": "if x is None:\n    return x * int(torch.__version__.split('-')[7])\nreturn x",
    "Guarded": "return x * 2 if IS_NEW else x",
}


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    return port_bodies("versions", BODIES, tmp_path_factory.mktemp("versions"), HELPERS)


def test_a_comparison_is_decided(versions):
    assert "version" not in versions.text("TFAsked.call")
    assert versions.text("TFAsked.call").rstrip().endswith("return x")


def test_a_number_is_written_down(versions):
    minor = torch.__version__.split(".")[1]
    assert f"x * {minor}" in versions.text("TFNumbered.call")


def test_what_this_version_does_not_answer_is_kept(versions):
    assert "int(torch.__version__.split" in versions.draft.code


def test_a_switch_of_the_module_keeps_its_value(versions):
    assert "IS_NEW = True" in versions.draft.code
    assert versions.module().IS_NEW is True
