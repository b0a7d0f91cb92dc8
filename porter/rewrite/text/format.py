"""Formatting by ruff, and the line marks that become the source map."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from porter.base.errors import NotInstalled
from porter.base.installed import how_to_install
from porter.rewrite.text.idle_lines import without_idle_lines

_MARK = re.compile(r"  # noqa: L(\d+)$")
_RULES = ("--select", "F401,F841,I,RUF022", "--line-length", "119")
# What lies in the folder where the command is typed, porter's checkout say, does not decide the order of imports.
_NOTHING_OWN = ("--config", "src = []")
_LINT = ("check", "--quiet", "--isolated", *_NOTHING_OWN, *_RULES, "--fix-only", "--unsafe-fixes", "-")
_FINDINGS = ("check", "--quiet", "--isolated", *_NOTHING_OWN, "--output-format", "json", "-")
_UNDEFINED = ("check", "--quiet", "--isolated", "--ignore-noqa", "--select", "F821", "--output-format", "json", "-")
_FORMAT = ("format", "--quiet", "--isolated", "--line-length", "119", "-")


def format_code(code: str) -> str:
    """The code as `ruff` formats it, imports sorted, unused imports and variables gone, and what computed these.

    Raises:
        NotInstalled: ruff is missing.
    """
    linted = _ruff(_LINT, code)
    while (kept := without_idle_lines(linted)) != linted:
        linted = _ruff(_LINT, kept)
    return _ruff(_FORMAT, linted)


def shared_findings(code: str, source: str) -> list[str]:
    """The codes of ruff's default rules that the port breaks where the PyTorch file does."""
    return sorted(_codes(code) & _codes(source))


def undefined_names(code: str) -> list[tuple[int, int, str]]:
    """Line (from 1), column (from 0) and name of each place that reads a name which nothing defines."""
    found = json.loads(_ruff(_UNDEFINED, code))
    places = ((finding["location"], finding["message"].split("`")[1]) for finding in found)
    return [(int(start["row"]), int(start["column"]) - 1, str(name)) for start, name in places]


def _codes(text: str) -> set[str]:
    return {str(finding["code"]) for finding in json.loads(_ruff(_FINDINGS, text))}


def _ruff(arguments: tuple[str, ...], code: str) -> str:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments], input=code, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise NotInstalled(f"ruff cannot be run: {error}.", hint=how_to_install("ruff")) from error
    if "No module named ruff" in done.stderr:
        raise NotInstalled("ruff is not installed.", hint=how_to_install("ruff"))
    return done.stdout if done.stdout else code


def split_line_marks(code: str) -> tuple[str, dict[int, int]]:
    """The code without the marks, and for each marked line the PyTorch line it came from.

    The marks are written as `# noqa` comments because the formatter does not count those when it breaks lines.
    """
    lines, source_map = [], {}
    for number, line in enumerate(code.splitlines(), start=1):
        found = _MARK.search(line)
        if found:
            source_map[number] = int(found[1])
        lines.append(_MARK.sub("", line))
    return "\n".join(lines) + "\n", source_map
