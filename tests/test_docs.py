"""Generated parts of the documents."""

import re
from pathlib import Path

import pytest
import typer

import diffcheck
from porter import docs
from porter.cli import app

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "GUIDE.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = {
    name: {*(option for each in command.params for option in (*each.opts, *each.secondary_opts)), "--help", "-h"}
    for name, command in typer.main.get_command(app).commands.items()  # type: ignore[attr-defined]
}
# As code in a line, or a line of a block: what follows the name up to the end of the code.
COMMAND = re.compile(r"(?:^|[`$] ?|  )porter ([a-z][a-z-]+)([^`\n]*)")
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


def test_every_public_name_of_diffcheck_says_what_it_is() -> None:
    rows = re.findall(r"^\| `(\w+)(\(.*?\))?` \| (.*) \|$", docs.diffcheck_table(), re.MULTILINE)
    assert {name for name, _, _ in rows} == set(diffcheck.__all__)
    assert [name for name, _, text in rows if not text] == []
    assert {name: parameters for name, parameters, _ in rows}["assert_matches"].startswith("(torch_model, tf_model,")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_is_shown_has_the_options_that_are_shown(path: Path) -> None:
    wrong = []
    for line in re.sub(r"\\\n", " ", path.read_text()).splitlines():
        for name, words in COMMAND.findall(line):
            known = COMMANDS.get(name)
            options = re.findall(r"(?<![\w-])--?[a-z][a-z0-9-]*", words)
            wrong += [f"porter {name} {option}" for option in options if known is None or option not in known]
    assert wrong == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text()
    links = re.findall(
        r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    )
    wrong = []
    for file, anchor in links:
        target = (path.parent / file) if file else path
        if not target.exists():
            wrong.append(file)
        elif anchor and anchor not in anchors(target.read_text()):
            wrong.append(f"{file}#{anchor}")
    assert wrong == []


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
