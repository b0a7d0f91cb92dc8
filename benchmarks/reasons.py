"""What a class failed for, at its root, so that failures with one cause are counted together."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]

# porter's Notes -> the reason they count as; `{}` are the groups.
NOTES = (
    (r"_BaseAutoModelClass\.from_config has no", "no counterpart in porter.runtime: AutoModel"),
    (r"^(\S+) has no rule", "no rule: {}"),
    (r"^(\S+) has no counterpart in porter\.runtime", "no counterpart in porter.runtime: {}"),
    (r"^(\S+) has no layer card", "no layer card: {}"),
    (r"^the decorator (\S+) has no counterpart", "no counterpart: decorator {}"),
    (r"^the base class (\S+) has no counterpart", "no counterpart: base class {}"),
    (r"^`(\w+)` of \S+ has no counterpart; the name is not imported", "no counterpart in porter.runtime: {}"),
    (r"(\S+) has no argument '(\w+)' that porter knows", "argument of a layer: {}"),
    (r"(\S+) takes \d+ positional arguments", "arguments of a layer: {}"),
    (r"^(\S+): (?:.*); the (?:call|layer|attribute) was kept", "unknown facts for {}"),
)
# Error messages -> the reason; `{}` are the groups.
MESSAGES = (
    (r"OperatorNotAllowedInGraphError|using a symbolic `tf\.Tensor` as a Python `bool`", "graph: branch on tensor"),
    (r"NameError: name '(\w+)'", "NameError {} in generated file"),
    (r"ImportError: cannot import name '(\w+)'|cannot be imported: cannot import name '(\w+)'", "cannot import {}"),
    (r"cannot be imported: (.{0,90})", "generated file cannot be imported: {}"),
    (r"unexpected keyword argument '(\w+)'", "unexpected keyword argument {}"),
    (r"Only integers, slices", "index by a tensor"),
    (r"variable\.assign\(value\)", "a weight of another shape"),
    (r"AttributeError: .*has no attribute '(\w+)'", "AttributeError {} in generated file"),
    (r"^weights (\w+)", "weights {}"),
    (r"^never given: (\w+)", "matches, but {} never had a value"),
    (r"has no class (TF\w+)", "class not written"),
    (r"differs: missing from the candidate", "outputs: one is missing"),
    (r"differs: not in the reference", "outputs: one too many"),
    (r"differs: shape", "outputs: another shape"),
    (r"differs: dtype", "outputs: another dtype"),
    (r"differs: (NaN|Inf)", "outputs: {} at other places"),
    (r" differs: \d+ of", "differs numerically"),
)
NUMBERS = re.compile(r"\d+(\.\d+)?(e[-+]?\d+)?")
LONGEST = 110


def root_reason(row: Row) -> str:
    """The most basic reason: a Note on the failing statement, else the kind of error, else its text."""
    reason = str(row["reason"])
    if reason.startswith(("time limit", "crashed")):
        return reason
    for note in (row.get("failed_at") or {}).get("notes", []):
        return _first_match(NOTES, note) or f"left: {_shortened(note)}"
    reason = reason.removeprefix("import failed: ")
    prefix = "graph: " if reason.startswith("graph: ") else ""
    matched = _first_match(MESSAGES, reason)
    if matched:
        return matched if matched.startswith(prefix) else prefix + matched
    return _shortened(re.sub(r"modeling_tf_\w+\.py:\d+: ", "", reason))


def _first_match(patterns: Sequence[tuple[str, str]], text: str) -> str | None:
    for pattern, reason in patterns:
        found = re.search(pattern, text)
        if found:
            return reason.format(" ".join(group for group in found.groups() if group))
    return None


def _shortened(text: str) -> str:
    return NUMBERS.sub("#", text)[:LONGEST]


def why(rows: Sequence[Row], top: int) -> str:
    """The root reasons by how many classes they keep from being proven, with families and an example."""
    failed = [row for row in rows if not row["ok"]]
    counts: Counter[str] = Counter()
    examples: dict[str, Row] = {}
    families: dict[str, set[str]] = defaultdict(set)
    for row in failed:
        reason = root_reason(row)
        counts[reason] += 1
        examples.setdefault(reason, row)
        families[reason].add(row["family"])
    proven = len(rows) - len(failed)
    lines = [f"{proven} of {len(rows)} classes proven; {len(counts)} reasons for the other {len(failed)}"]
    for reason, count in counts.most_common(top):
        some = ", ".join(sorted(families[reason])[:6])
        lines.append(f"{count:4} {reason}\n       {len(families[reason])} families: {some}")
        lines.append(_example(examples[reason]))
    return "\n".join(lines)


def _example(row: Row) -> str:
    where = row.get("failed_at") or {}
    line = f"modeling_{row['family']}:{where['torch_line']}: {where['code'][:100]}" if where else ""
    return f"       e.g. {row['case']}/{row['class']} {line}\n       {row['reason'][:200]}"
