"""GUIDE's commands and README's demo are run, and print what the documents say they print.

A ```console block holds commands (`$ ...`) and their output; all blocks of the guide run in order in one folder that
holds examples/. Its ```python blocks run there too. Numbers may differ in value, a line `...` stands for any lines.

`python tests/test_guide.py` puts what is printed today into both documents.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from porter.base.console import STILL
from porter.docs import stale

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TRANSCRIPT = re.compile(r"^```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RUN = (ROOT / "GUIDE.md", *sorted((ROOT / "docs").glob("*.md")))
DEMO = "examples/brand_new_bert/demo.sh demo"
NUMBER = re.compile(r"\d+(\.\d+)?(e[-+]\d+)?")
# They install the project, or reach for the network.
NOT_HERE = ("make ", "git ", "pip ")


def steps(document: Path) -> Iterator[tuple[str, str]]:
    """Each command that can be run here, with the output that the document shows for it."""
    for kind, text in BLOCK.findall(document.read_text()):
        yield from (step for step in steps_of(kind, text) if not step[0].startswith(NOT_HERE))


def steps_of(kind: str, text: str) -> Iterator[tuple[str, str]]:
    """The commands of one block; a python block is a command too, whatever it prints."""
    if kind == "python":
        yield f"python - <<'END'\n{text}END", "..."
        return
    for step in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = step.partition("\n")
        yield command, output


def run(command: str, folder: Path) -> str:
    """The command's stdout and stderr; bash stops at nothing, exit codes are shown by the documents themselves."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "100"}
    call = ["bash", "-c", command]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(call, cwd=folder, env=environment, text=True, check=False, **streams)
    assert "Traceback" not in done.stdout, done.stdout
    assert done.returncode in (0, 1, 2), f"{command}: exit code {done.returncode}\n{done.stdout}"
    return done.stdout


def comparable(text: str) -> list[str]:
    """Lines without numbers, alignment and blank lines, and without those that say that work goes on."""
    # From a minute on, pytest adds the time in hours, minutes and seconds.
    lines = (" ".join(NUMBER.sub("#", line).split()).removesuffix(" (#:#:#)") for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(STILL)]


def says(shown: list[str], expected: list[str]) -> bool:
    """Whether the output is what the document shows, `...` standing for any lines."""
    pattern = "".join(r"(.*\n)*?" if line == "..." else re.escape(line) + r"\n" for line in expected)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in shown)) is not None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


@pytest.mark.slow
@pytest.mark.long
def test_the_guides_commands_print_what_it_says(folder: Path) -> None:
    for command, expected in (step for document in RUN for step in steps(document)):
        shown = run(command, folder).replace(f"{folder}/", "")
        assert says(comparable(shown), comparable(expected)), f"$ {command}\n{shown}"


@pytest.mark.slow
def test_make_demo_prints_what_the_readme_shows(folder: Path) -> None:
    expected = TRANSCRIPT.search((ROOT / "README.md").read_text())
    assert expected is not None
    shown = run(DEMO, folder).replace(f"{folder}/", "")
    assert says(comparable(shown), comparable(expected[1])), shown


def test_what_else_the_readme_shows_is_run_in_the_guide() -> None:
    shown = [step for text in TRANSCRIPT.findall((ROOT / "README.md").read_text())[1:] for step in steps_of("", text)]
    assert shown
    assert set(shown) <= set(steps(ROOT / "GUIDE.md"))


def test_generated_parts_are_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert stale() == []


def test_says_skips_where_told_and_only_there() -> None:
    assert says(["a", "b", "c"], ["a", "...", "c"])
    assert says(["a", "c"], ["a", "...", "c"])
    assert not says(["a", "b", "c"], ["a", "c"])
    assert comparable("x  1.5e-07 of 12\n\n") == ["x # of #"]


def refresh(folder: Path) -> None:
    """Put what the commands print today into GUIDE.md, and what the demo prints into README.md."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    readme = ROOT / "README.md"
    shown = run(DEMO, folder).replace(f"{folder}/", "").strip("\n")
    readme.write_text(TRANSCRIPT.sub(lambda _: f"```text\n{shown}\n```", readme.read_text(), count=1))
    for document in RUN:
        document.write_text(BLOCK.sub(lambda block: _refreshed(block, folder), document.read_text()))


def _refreshed(block: re.Match[str], folder: Path) -> str:
    parts = []
    for command, output in steps_of(block[1], block[2]):
        shown = output if command.startswith(NOT_HERE) else run(command, folder).replace(f"{folder}/", "")
        parts.append(f"$ {command}\n{shown}")
    return block[0] if block[1] == "python" else f"```console\n{''.join(parts)}```"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        refresh(Path(place))
