"""Generated parts of the documents."""

import pytest

from porter import docs

DOCUMENT = "before\n<!-- generated: x -->\nold\n<!-- end -->\nafter\n"


def test_a_generated_part_is_replaced_and_the_rest_kept() -> None:
    fresh = docs.refreshed(DOCUMENT, {"x": lambda: "new\n"})
    assert fresh == "before\n<!-- generated: x -->\n\nnew\n\n<!-- end -->\nafter\n"
    assert docs.refreshed(fresh, {"x": lambda: "new\n"}) == fresh


def test_a_part_that_nobody_makes_is_an_error() -> None:
    with pytest.raises(KeyError):
        docs.refreshed(DOCUMENT, {})


def test_every_declaration_is_a_row() -> None:
    rows = [row for row in docs.rule_table().splitlines() if "`torch.transpose`" in row]
    assert len(rows) == 1
    assert "`torch.Tensor.transpose`, " in rows[0]
    assert rows[0].endswith(" | `transpose() decides from the facts` |")


def test_help_of_every_command_is_there() -> None:
    assert "Usage: porter rules [OPTIONS]" in docs.command_help()
