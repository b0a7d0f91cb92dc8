"""One command on many models: `--from-file names.txt`.

All is done in one process, so that the frameworks are imported once; a run that was broken off is gone on with.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from porter.base import console, files
from porter.base.early_checks import check_input_file
from porter.base.errors import UsageError
from porter.base.guard import as_porter_error
from porter.base.reading import read_text

SCHEMA = 1
FINISHED = (0, 1)  # the exit codes after which a model need not be looked at again
WORDS = {0: "matches", 1: "differs, or lines were left"}


@dataclass(frozen=True)
class Outcome:
    """How one model ended: the exit code that the command would have had for it, in words, and the seconds it took."""

    name: str
    exit_code: int
    sentence: str
    seconds: float


@dataclass(frozen=True)
class Many:
    """The models that a file names, one a line, `#` beginning a comment; and what is known of them.

    Attributes:
        names: the file.
        settings: what the command was asked to do with each; results for other settings do not count.
    """

    names: Path
    settings: Mapping[str, str]

    @property
    def record(self) -> Path:
        """The file beside that keeps the outcomes."""
        return self.names.with_suffix(".results.json")

    def read(self) -> list[str]:
        """The names, each once.

        Raises:
            UsageError: the file cannot be read or names nothing.
        """
        check_input_file("--from-file", self.names)
        lines = (line.partition("#")[0].strip() for line in read_text(self.names).splitlines())
        names = list(dict.fromkeys(line for line in lines if line))
        if not names:
            raise UsageError("This file names no model.", hint="one name a line", place=str(self.names))
        return names

    def known(self) -> dict[str, Outcome]:
        """The outcomes of an earlier run with the same settings that need not be found again, by name."""
        try:
            data = json.loads(self.record.read_text(encoding="utf-8"))
            outcomes = [Outcome(**entry) for entry in data["results"]] if data["settings"] == self.settings else []
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        return {outcome.name: outcome for outcome in outcomes if outcome.exit_code in FINISHED}

    def run(self, work: Callable[[str], bool]) -> list[Outcome]:
        """Do the work for each model that has no outcome yet; one that fails does not stop the others.

        Args:
            work: given a name, does the command's work and says whether all matches.
        """
        names, outcomes = self.read(), self.known()
        if any(name in outcomes for name in names):
            count = sum(name in outcomes for name in names)
            console.say(f"{count} of {len(names)} were done before; remove {self.record} to do them again.")
        for number, name in enumerate(names, 1):
            if name in outcomes:
                continue
            console.say(f"{number} of {len(names)}: {name}")
            outcomes[name] = _outcome(name, work)
            self._keep([outcomes[each] for each in names if each in outcomes])
        return [outcomes[name] for name in names]

    def _keep(self, outcomes: list[Outcome]) -> None:
        data = {"schema": SCHEMA, "settings": dict(self.settings), "results": [asdict(each) for each in outcomes]}
        files.write_text(self.record, json.dumps(data, indent=2) + "\n")


def _outcome(name: str, work: Callable[[str], bool]) -> Outcome:
    started = time.monotonic()
    try:
        code = 0 if work(name) else 1
        sentence = WORDS[code]
    except Exception as problem:  # noqa: BLE001  # whatever one model raises, the others have their turn
        known = as_porter_error(problem)
        console.error(known)
        code, sentence = known.exit_code, str(known).splitlines()[0]
    return Outcome(name, code, sentence, round(time.monotonic() - started, 1))


def show(outcomes: list[Outcome], as_json: bool) -> int:
    """Show a row for each model; the exit code is the greatest of theirs."""
    if as_json:
        console.result_json({"schema": SCHEMA, "results": [asdict(outcome) for outcome in outcomes]})
    else:
        rows = [(outcome.name, f"{outcome.seconds:.1f} s", outcome.sentence) for outcome in outcomes]
        matching = sum(outcome.exit_code == 0 for outcome in outcomes)
        console.result_table(("MODEL", "TIME", "RESULT"), rows)
        console.result(f"\n{matching} of {len(outcomes)} match PyTorch.")
    return max(outcome.exit_code for outcome in outcomes)
