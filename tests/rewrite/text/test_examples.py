"""Examples import the port's classes from the port's file."""

from types import SimpleNamespace
from typing import Any

import libcst as cst
import pytest

from porter.rewrite.text.examples import OwnImports

CONTEXT: Any = SimpleNamespace(
    source=SimpleNamespace(
        subject=SimpleNamespace(name="x"),
        classes={"XModel": SimpleNamespace(kind="model"), "XConfig": SimpleNamespace(kind="plain")},
    )
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("AutoTokenizer, TFXModel", ["from transformers import AutoTokenizer", "from modeling_tf_x import TFXModel"]),
        ("TFXModel", ["from modeling_tf_x import TFXModel"]),
        ("AutoTokenizer, XConfig", ["from transformers import AutoTokenizer, XConfig"]),
    ],
)
def test_own_classes_have_a_line_of_their_own(written: str, expected: list[str]) -> None:
    text = '"""An example.\n\n    >>> from transformers import %s\n    """\n'
    found = cst.parse_module(text % written).visit(OwnImports(CONTEXT)).code
    assert [line.strip().removeprefix(">>> ") for line in found.splitlines()[2:-1]] == expected
