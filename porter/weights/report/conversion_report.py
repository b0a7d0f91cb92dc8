"""What was converted and proven, as JSON that lies beside the weights, as a table and as the pull request's body."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeGuard

from porter.base import console
from porter.base.errors import UsageError
from porter.base.provenance import versions
from porter.base.reading import read_json
from porter.base.render import render
from porter.weights.prove.differences import MAX_ERROR

if TYPE_CHECKING:
    from porter.weights.prove.proof import Proof

FILE, BEFORE = "pt_to_tf.json", "before"
SCHEMA = 1
FIELDS = {
    "class": str, "source": str, "max_error": float, "seed": int, "differences": dict, "trials": list,
    "unused": list, "files": dict, "versions": dict,
}  # fmt: skip
NUMBER = (float, int, type(None))  # nothing where no number was found
Data = Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """What was written and what was proven, by stage, `crossload` and `conversion`."""

    class_name: str
    source: str
    unused: tuple[str, ...]
    trials: tuple[str, ...]
    seed: int
    max_error: float
    proofs: Mapping[str, Proof]
    seconds: Mapping[str, float] = field(default_factory=dict)
    request: Mapping[str, object] = field(default_factory=dict)

    def to_json(self, files: Mapping[str, str]) -> dict[str, Any]:
        """The result in a versioned form.

        Args:
            files: name of each file and its SHA-256.
        """
        return {
            "schema": SCHEMA,
            "class": self.class_name,
            "source": self.source,
            "request": dict(self.request),
            "matches": all(proof.verification.matches for stage, proof in self.proofs.items() if stage != BEFORE),
            "max_error": self.max_error,
            "seed": self.seed,
            "differences": {
                stage: {"outputs": proof.verification.max_output, "hidden_states": proof.verification.max_hidden}
                for stage, proof in self.proofs.items()
            },
            "rounding": {
                stage: proof.verification.rounded() for stage, proof in self.proofs.items() if stage != BEFORE
            },
            "blocks": {stage: asdict(proof.blocks) for stage, proof in self.proofs.items() if proof.blocks},
            "same_bits": [stage for stage, proof in self.proofs.items() if proof.same_bits],
            "trials": list(self.trials),
            "unused": list(self.unused),
            "files": dict(files),
            "versions": versions(),
            "seconds": {stage: round(seconds, 3) for stage, seconds in self.seconds.items()},
        }


def hashes(folder: Path, known: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """SHA-256 of every file but the report itself, by name; of some it is known."""
    return {name: known.get(name) or sha256(folder / name) for name in _names(folder)}


def _names(folder: Path) -> list[str]:
    """Every file but the report itself, in folders below too."""
    found = (str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    return sorted(name for name in found if name != FILE)


def sha256(file: Path) -> str:
    """Of a file, read in pieces."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_report(folder: Path, data: Data) -> None:
    """Write the report into the folder."""
    (folder / FILE).write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def read_report(folder: Path) -> Data | None:
    """The report of a finished conversion whose files are still what they were; None if there is no report.

    Raises:
        UsageError: a file was changed or is gone.
    """
    if not (folder / FILE).exists():
        return None
    try:
        data = read_json(folder / FILE)
    except UsageError:
        data = None
    if not _is_report(data):
        raise UsageError(f"{folder / FILE} is not a report of porter.", hint="remove the folder and run again")
    files = data["files"]
    changed = sorted(name for name, digest in {**files, **hashes(folder)}.items() if files.get(name) != digest)
    absent = sorted(set(files) - set(_names(folder)))
    if changed or absent:
        name = (absent or changed)[0]
        raise UsageError(f"{folder / name} is not what was converted.", hint="remove the folder and run again")
    return data


def check_unchanged(folder: Path, data: Data) -> None:
    """Refuse to go on with files that are not those that were proven.

    Raises:
        UsageError: naming one of them.
    """
    now = read_report(folder)
    if now is None or now["files"] != data["files"]:
        raise UsageError(f"{folder} was changed after it was proven.", hint="remove the folder and run again")


def _is_report(data: Any) -> TypeGuard[dict[str, Any]]:
    """Whether it has what a report has, as far as it is shown or compared."""
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        return False
    if not all(isinstance(data.get(name), kind) for name, kind in FIELDS.items()):
        return False
    names = [*data["files"].values(), *data["versions"].values(), *data["trials"], *data["unused"]]
    told = [data.get(name, {}) for name in ("rounding", "blocks")]
    if not all(isinstance(name, str) for name in names) or not all(isinstance(each, dict) for each in told):
        return False
    rounding, blocks = told
    return (
        all(isinstance(lines, list) and all(isinstance(line, str) for line in lines) for lines in rounding.values())
        and all(_holds(found, ("outputs", "hidden_states"), NUMBER) for found in data["differences"].values())
        and all(_holds(found, ("blocks", "compared", "weight_bytes"), (int,)) for found in blocks.values())
        and all(_holds(found, ("max_relative",), NUMBER) for found in blocks.values())
    )


def _holds(found: Any, names: Collection[str], kinds: Collection[type]) -> bool:
    """Whether a table has these entries, each of one of the types."""
    return isinstance(found, dict) and all(name in found and type(found[name]) in kinds for name in names)


def body(data: Data, upload: Sequence[str], extra: str = "") -> str:
    """The text of the pull request.

    Args:
        data: the report.
        upload: the files that it holds.
        extra: what the user adds.
    """
    maxima = {
        stage: {kind: number(value) for kind, value in found.items()} for stage, found in data["differences"].items()
    }
    return render(
        "pull_request.md.j2",
        class_name=data["class"],
        versions=data["versions"],
        maxima=maxima,
        in_blocks=in_blocks(data),
        rounding=of_rounding(data),
        caution=is_raised(data),
        max_error=data["max_error"],
        trials=data["trials"],
        seed=data["seed"],
        sha256={name: data["files"][name] for name in upload},
        command=f"porter pt-to-tf --model {data['source']} --seed {data['seed']} --new-weights --no-pr",
        extra=extra,
    )


def is_raised(data: Data) -> bool:
    """Whether more than the usual error was allowed."""
    return bool(data["max_error"] > MAX_ERROR)


def summary(data: Data, output: Path) -> str:
    """The four maxima, what they were measured on, and the files."""
    rows = [
        (stage, number(found["outputs"]), number(found["hidden_states"]))
        for stage, found in data["differences"].items()
    ]
    lines = [
        f"{data['class']} matches PyTorch on {len(data['trials'])} inputs: {', '.join(data['trials'])}.",
        "",
        console.aligned(("MAX DIFFERENCE", "OUTPUTS", "HIDDEN STATES"), rows),
        "",
    ]
    if data.get("blocks"):
        lines += [in_blocks(data), ""]
    if of_rounding(data):
        lines += [of_rounding(data), ""]
    if is_raised(data):
        lines += [f"CAUTION: The maximum admissible error was manually increased to {data['max_error']}!", ""]
    if data["unused"]:
        lines += [f"not used by {data['class']}: {', '.join(data['unused'])}", ""]
    return "\n".join(lines + [f"wrote {output / name}" for name in data["files"]])


def of_rounding(data: Data) -> str:
    """What passes the admissible error and is PyTorch's own rounding, float32 against float64; empty without it."""
    found = list(dict.fromkeys(line for lines in data.get("rounding", {}).values() for line in lines))
    if not found:
        return ""
    others = f" So do {len(found) - 1} others." if len(found) > 1 else ""
    return f"Beyond {data['max_error']}: {found[0]}{others}"


def in_blocks(data: Data) -> str:
    """How the models were compared where they did not fit into memory; empty where they did."""
    if not data.get("blocks"):
        return ""
    found = list(data["blocks"].values())
    greatest = [each["max_relative"] for each in found if each["max_relative"] is not None]
    size = bytes_in_words(max(each["weight_bytes"] for each in found))
    return (
        f"Compared block by block, with at most {size} of weights in memory: {found[0]['compared']} of "
        f"{found[0]['blocks']} blocks also alone on PyTorch's inputs, where the greatest difference is "
        f"{number(max(greatest, default=None))} of the output's scale.{_same_bits(data)}"
    )


def _same_bits(data: Data) -> str:
    if not data.get("same_bits"):
        return ""
    return " What was written loads bit by bit as PyTorch's weights do, so its outputs are the same."


def bytes_in_words(count: int) -> str:
    """`1.23 GB`, `45.60 MB` and so on."""
    unit, name = next((pair for pair in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")) if count >= pair[0]), (1, "B"))
    return f"{count / unit:.2f} {name}"


def number(value: float | None) -> str:
    """Three digits after the point, as the command of transformers 4 wrote it."""
    return "none" if value is None else f"{value:.3e}"
