"""Examples import the port's classes from the port's file."""

import pytest

from porter.rewrite.expressions.examples import with_own_imports


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
    found = with_own_imports(text % written, "modeling_tf_x", {"TFXModel"})
    assert [line.strip().removeprefix(">>> ") for line in found.splitlines()[2:-1]] == expected
