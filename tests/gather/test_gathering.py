"""What a few definitions of a package need is gathered, nothing else, and the text runs."""

from pathlib import Path
from typing import Any

import pytest

from porter.gather.gathering import CannotGather, Library, gathered
from porter.gather.module_text import ModuleText

MODULES = {
    "__init__": "from lib.shapes import area\n",
    "shapes": """
        import math as mathematics
        from lib.sizes import half as halved, LIMIT

        def _checked(value):
            return min(value, LIMIT)

        def area(radius):
            # the comment stays
            return mathematics.pi * _checked(radius) ** 2

        def unused():
            return area(1)

        def width(value):
            halved_value = halved(value)
            return _checked(halved_value)
    """,
    "sizes": """
        from lib.tables import TABLE

        LIMIT = TABLE["limit"]

        def _checked(value):
            return value

        def half(value):
            from fractions import Fraction

            return _checked(Fraction(value, 2))

        def both(_checked):
            return half(_checked)
    """,
    "tables": """
        def _made():
            return 10

        FIRST, (TABLE, _) = 1, ({"limit": _made()}, 2)
    """,
    "whole": """
        from lib import sizes

        TWICE = 2 * sizes.LIMIT

        def f(value):
            return sizes.half(value.sizes) + sizes.LIMIT

        def g():
            return vars(sizes)
    """,
    "hiding": """
        from lib.sizes import half as halved

        def f(half):
            return halved(half)

        def g(value):
            half = halved
            return half(value)

        def h(value):
            return halved(value)
    """,
}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    for name, text in MODULES.items():
        lines = [line.removeprefix("        ") for line in text.splitlines()]
        (tmp_path / f"{name}.py").write_text("\n".join(lines) + "\n")
    return Library("lib", tmp_path)


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(code, "gathered", "exec", dont_inherit=True), names)
    return names


def test_a_definition_comes_with_what_it_needs_and_nothing_else(library: Library) -> None:
    code = gathered(library, [("lib", "area")])
    assert "# the comment stays" in code and "unused" not in code and "half" not in code
    assert run(code)["area"](100) == pytest.approx(314.159265)


def test_what_is_read_when_a_statement_runs_stands_above_it(library: Library) -> None:
    code = gathered(library, [("lib.sizes", "LIMIT")])
    assert code.index("def _made") < code.index("TABLE, _") < code.index("LIMIT = ")
    assert run(code)["LIMIT"] == 10


def test_two_definitions_of_one_name_are_told_apart(library: Library) -> None:
    code = gathered(library, [("lib.shapes", "width"), ("lib.sizes", "both")])
    assert "def _checked(" in code and "def _checked_of_sizes(" in code
    assert "def both(_checked)" in code  # a variable keeps its name
    names = run(code)
    assert names["width"](30) == 10 and names["both"](3) == names["half"](3) == 1.5


def test_a_member_of_a_whole_module_comes_alone(library: Library) -> None:
    code = gathered(library, [("lib.whole", "f"), ("lib.whole", "TWICE")])
    assert "return half(value.sizes) + LIMIT" in code and "def both" not in code and "lib" not in code
    assert run(code)["TWICE"] == 20


def test_what_is_wanted_keeps_its_name(library: Library) -> None:
    code = gathered(library, [("lib.shapes", "area"), ("lib.sizes", "_checked")])
    assert run(code)["_checked"](77) == 77 and "def _checked_of_shapes(" in code


def test_imports_of_functions_stand_at_the_top(library: Library) -> None:
    code = gathered(library, [("lib.sizes", "half")])
    assert code.index("from fractions import Fraction") < code.index("def half")
    assert code.count("import Fraction") == 1


def test_a_given_name_is_imported(library: Library) -> None:
    given = Library("lib", library.folder, {"LIMIT": "from elsewhere import LIMIT"})
    code = gathered(given, [("lib", "area")])
    assert "from elsewhere import LIMIT" in code and "TABLE" not in code


def test_a_stand_in_takes_the_place_of_a_definition(library: Library, tmp_path: Path) -> None:
    file = tmp_path / "other.py"
    file.write_text(
        "from lib.shapes import area\n\n\ndef half(value):\n    return value\n\n\ndef _checked(value):\n    return 0\n"
    )
    with_it = Library("lib", library.folder, stand_ins=(ModuleText("lib.other", file),))
    code = gathered(with_it, [("lib.shapes", "width")])
    assert "Fraction" not in code
    assert run(code)["width"](30) == 10  # what is a module's own is not replaced


def test_a_table_keeps_the_entries_that_are_wanted(library: Library, tmp_path: Path) -> None:
    (tmp_path / "kinds.py").write_text(
        "from types import MappingProxyType\n\n\ndef one():\n    return 1\n\n\ndef two():\n    return 2\n\n\n"
        'KINDS = MappingProxyType({"one": one, "two": two, 3: one})\nWHOLE = {"two": two}\n'
    )
    shorter = Library("lib", library.folder, entries={"KINDS": lambda key: key == "two"})
    code = gathered(shorter, [("lib.kinds", "KINDS")])
    assert list(run(code)["KINDS"]) == ["two", 3]
    none = Library("lib", library.folder, entries={"KINDS": lambda key: False, "WHOLE": lambda key: False})
    assert "def two" not in gathered(none, [("lib.kinds", "WHOLE")])
    assert "def two" in gathered(library, [("lib.kinds", "WHOLE")])


@pytest.mark.parametrize("name", ["f", "g"])
def test_a_variable_that_would_hide_what_is_gathered_is_said(library: Library, name: str) -> None:
    with pytest.raises(CannotGather, match=r"hiding\.py has a variable half where"):
        gathered(library, [("lib.hiding", name)])
    assert "return half(value)" in gathered(library, [("lib.hiding", "h")])


@pytest.mark.parametrize(
    ("module", "name", "said"), [("lib.whole", "g", "sizes"), ("lib.sizes", "quarter", "quarter")]
)
def test_what_cannot_be_told_is_said(library: Library, module: str, name: str, said: str) -> None:
    with pytest.raises(CannotGather, match=f"has no definition of {said}"):
        gathered(library, [(module, name)])
