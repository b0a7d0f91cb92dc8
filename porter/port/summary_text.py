"""What `porter scaffold` prints at the end: the classes, what is wrong, the Notes, and what was written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from porter.base.console import aligned

FOLDED_FROM = 3
"""So many assumptions that say the same of several lines are shown as one."""
CODE = re.compile(r"`[^`]*`")


def all_proven(data: Mapping[str, Any], verify: bool) -> bool:
    """Whether nothing was left and, where it was asked for, each class matches."""
    left = any(note["level"] == "left" for note in data["notes"])
    classes = data["classes"]
    return not left and (not verify or (bool(classes) and all(_is_proven(entry) for entry in classes)))


def summary(data: Mapping[str, Any], written: Sequence[str], every_note: bool = False) -> str:
    """Table of classes, what share is proven, Notes, and the files.

    Args:
        data: the result as JSON, of `Result.to_json`.
        written: the files.
        every_note: whether Notes that say the same of several lines are shown one by one.
    """
    parts = []
    if data["classes"]:
        rows = [_class_row(entry) for entry in data["classes"]]
        others = data["not_compared"]
        rows += [(name, "not compared", "", "", "") for name in others]
        parts.append(aligned(("CLASS", "EAGER", "GRAPH", "WEIGHTS", "RAN"), rows))
        parts += _guide_table([entry["guide"] for entry in data["classes"] if "guide" in entry])
        parts += [failure for entry in data["classes"] for failure in _failures(entry)]
        proven = sum(_is_proven(entry) and entry["comparable"] for entry in data["classes"])
        ran = sum(not entry["comparable"] for entry in data["classes"])
        told = [f"{proven} of {len(data['classes'])} {'compared ' * bool(others)}classes match PyTorch."]
        told += [f"{len(others)} more were written and not compared."] * bool(others)
        told += [f"{ran} only ran: the sample says that PyTorch's numbers are not comparable."] * bool(ran)
        parts.append(" ".join(told))
    if data["notes"]:
        parts.append("\n".join(_note_texts(data["notes"], every_note)))
    files = "\n".join(f"wrote {path}" for path in written) or "nothing was written"
    parts.append(f"{files}  ({sum(data['seconds'].values()):.1f} s)")
    return "\n\n".join(parts)


def _guide_table(found: list[Mapping[str, str]]) -> list[str]:
    """For how many classes each point of transformers' guide holds, where the points were asked for."""
    if not found:
        return []
    counts = {name: sum(not points[name] for points in found) for name in found[0]}
    rows = [(name, f"{count} of {len(found)}") for name, count in counts.items()]
    return [aligned(("POINT OF THE GUIDE", "HOLDS FOR"), rows)]


def _is_proven(entry: Mapping[str, Any]) -> bool:
    return bool(entry["ok"])


def _class_row(entry: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    wrong = [f"{len(names)} {kind}" for kind, names in entry["weights"].items() if names]
    share = entry["coverage"]["share"]
    ran = "" if share is None else f"{share:.0%}"
    eager, graph = (_error(entry[mode], entry["comparable"]) for mode in ("eager", "graph"))
    return entry["name"], eager, graph, ", ".join(wrong) or "ok", ran


def _error(side: Mapping[str, Any], comparable: bool) -> str:
    if side["max_abs"] is None:
        return "FAILED"
    if not comparable:
        return "ran"
    return f"{side['max_abs']:.1e}" + ("" if side["ok"] else "  DIFFERS")


def _failures(entry: Mapping[str, Any]) -> list[str]:
    """What went wrong, in the words of the comparison; the tensors that found no place by name; what is not proven."""
    said = dict.fromkeys(entry[mode]["message"] for mode in ("eager", "graph") if not entry[mode]["ok"])
    named = [f"{kind}: {', '.join(names)}" for kind, names in entry["weights"].items() if names]
    named += [f"{point}: {problem}" for point, problem in entry.get("guide", {}).items() if problem]
    told = [f"{entry['name']}  {text}" for text in (*said, *named, *_unproven(entry)) if text]
    return [*told, *(["\n".join(f"  {line}" for line in entry["trace"])] if entry["trace"] else [])]


def _unproven(entry: Mapping[str, Any]) -> list[str]:
    """What a class that matches is not proven for: outputs that prove nothing, arguments that never had a value."""
    told = [f"{sentence}: agreeing on it proves nothing." for sentence in entry["proves_nothing"]]
    if entry["known_in_graph_because"]:
        sizes, why = "; ".join(entry["unknown_in_graph"]), entry["known_in_graph_because"]
        told.append(f"is proven in a graph that knows all sizes but {sizes}. With more of them unknown: {why}")
    missing = entry["coverage"]["never_given"]
    if missing:
        given = ", ".join(entry["coverage"]["given"]) or "no argument"
        asks = ", ".join(f"{name} ({place} did not run)" for name, place in missing.items())
        hint = "--sample FILE with inputs that have them"
        told.append(f"is proven for {given}, and not more. Never given: {asks}.\n  hint: {hint}")
    return told


def _note_texts(notes: Sequence[Mapping[str, Any]], each: bool) -> list[str]:
    """What was left first; then what was assumed, in one line where it is the same of several lines."""
    told = [_note_text(note) for note in notes if note["level"] == "left"]
    alike: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for note in notes:
        if note["level"] != "left":
            alike.setdefault((note["file"], CODE.sub("", note["message"])), []).append(note)
    for same in alike.values():
        folded = not each and len(same) >= FOLDED_FROM
        told += [_folded(same)] if folded else [_note_text(note) for note in same]
    return told


def _folded(notes: Sequence[Mapping[str, Any]]) -> str:
    lines = list(dict.fromkeys(str(note["line"]) for note in notes[1:]))
    where = f"line{'s' * (len(lines) > 1)} {', '.join(lines)}"
    return f"{_note_text(notes[0])}\n  {len(notes) - 1} more of this kind, in {where}; --verbose shows them"


def _note_text(note: Mapping[str, Any]) -> str:
    place = f"{note['file']}:{note['line']}" if note["line"] else note["file"]
    text = f"{place}  {note['level']}: {note['message']}"
    return f"{text}\n  hint: {note['hint']}" if note["hint"] else text
