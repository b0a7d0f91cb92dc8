"""What PyTorch writes in place is an assignment in TensorFlow; what is known before running goes."""

import libcst as cst
import pytest

from porter.rewrite.statements.folding import flattened, fold_boolean, fold_comparison, fold_if
from porter.rulebook.call import code_of


def test_writing_into_a_part(tiny):
    call = tiny.text("TFTinyEmbeddings.call")
    assert "hidden_states = slice_update(hidden_states, np.s_[:, 0], self.start)" in call


def test_methods_that_end_in_an_underscore(tiny):
    assert "hidden_states = hidden_states * 0.5" in tiny.text("TFTinyEmbeddings.call")
    assert "mul_" not in tiny.draft.code


def statements(code: str, is_elif: bool = False) -> str:
    node = cst.parse_statement(code)
    assert isinstance(node, cst.If)
    folded = fold_if(node, is_elif)
    if isinstance(folded, cst.RemovalSentinel):
        return ""
    body = list(folded) if isinstance(folded, cst.FlattenSentinel) else [folded]
    return cst.Module(body).code if not isinstance(folded, cst.Else) else cst.Module([]).code_for_node(folded)


@pytest.mark.parametrize(
    ("code", "folded"),
    [
        ("if True:\n    a()\n", "a()\n"),
        ("# why\nif True:\n    # how\n    a()\n", "# why\n# how\na()\n"),
        ("if False:\n    a()\n", ""),
        ("if False:\n    a()\nelse:\n    b()\n", "b()\n"),
        ("if False:\n    a()\nelif x:\n    b()\nelse:\n    c()\n", "if x:\n    b()\nelse:\n    c()\n"),
        ("if x:\n    pass\n", ""),
        ("if x():\n    pass\n", "if x():\n    pass\n"),
        ("if x:\n    a()\n", "if x:\n    a()\n"),
    ],
)
def test_a_known_condition_is_no_condition(code, folded):
    assert statements(code) == folded


def test_an_elif_that_is_known_becomes_the_else():
    assert statements("if True:\n    a()\nelse:\n    b()\n", is_elif=True) == "else:\n    a()\n"
    assert statements("if False:\n    a()\nelse:\n    b()\n", is_elif=True) == "else:\n    b()\n"


def test_an_empty_block_leaves_nothing():
    assert isinstance(flattened(cst.IndentedBlock([]), []), cst.RemovalSentinel)


@pytest.mark.parametrize(
    ("code", "folded"),
    [
        ("False or x", "x"), ("x or False", "x"), ("True or x", "True"), ("True and x", "x"), ("False and x", "False"),
        ("x and True", "x"), ("x and False", "x and False"), ("x or y", "x or y"),
    ],
)  # fmt: skip
def test_known_operands(code, folded):
    node = cst.parse_expression(code)
    assert isinstance(node, cst.BooleanOperation)
    assert cst.Module([]).code_for_node(fold_boolean(node)) == folded


@pytest.mark.parametrize(
    ("original", "ported", "expected"),
    [
        ('x.device.type == "mps"', '"cpu" == "mps"', "False"),
        ('x.device.type in ("cpu", "mps")', '"cpu" in ("cpu", "mps")', "True"),
        ("x.device.type not in kinds", '"cpu" not in kinds', '"cpu" not in kinds'),
        ('"a" == "b"', '"a" == "b"', '"a" == "b"'),
        ("x.size() < 2", "3 < 2", "3 < 2"),
    ],
)
def test_a_comparison_of_known_texts_is_its_answer(original, ported, expected):
    before, after = (cst.ensure_type(cst.parse_expression(code), cst.Comparison) for code in (original, ported))
    assert code_of(fold_comparison(before, after)) == expected
