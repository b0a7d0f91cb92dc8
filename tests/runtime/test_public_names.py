"""The public names of porter.runtime: files that porter generated import them, so none may go."""

import re
import tokenize
from pathlib import Path

from porter import docs, runtime

ROOT = Path(__file__).parents[2]
PROMISED = Path(__file__).with_name("public_names.txt")


def test_no_name_that_was_promised_is_gone() -> None:
    assert sorted(set(PROMISED.read_text().split()) - runtime.EXPORTED) == []


def test_every_name_is_promised() -> None:
    assert sorted(runtime.EXPORTED - set(PROMISED.read_text().split())) == []


def test_every_name_says_what_it_is() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", docs.runtime_table(), re.MULTILINE))
    assert set(rows) == runtime.EXPORTED
    assert [name for name, text in rows.items() if not text] == []


def test_the_runtime_stands_below_the_codemod() -> None:
    """What serves a port imports only porter.base and the Hub's client of porter, and no package of the codemod."""
    refused = {"libcst", "ruff", "jinja2", "rich", "typer", "torch"}
    below = ("porter.runtime", "porter.base", "porter.hub.client")
    for file in sorted((ROOT / "porter" / "runtime").rglob("*.py")):
        with tokenize.open(file) as stream:
            text = stream.read()
        imported = set(re.findall(r"^\s*(?:from|import) ([\w.]+)", text, re.MULTILINE))
        own = {name for name in imported if name.startswith("porter.")}
        assert {name for name in own if not name.startswith(below)} == set(), file
        at_import = set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE))
        assert at_import & refused == set(), file
