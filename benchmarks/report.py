"""The share of a corpus that is proven, as Markdown."""

from __future__ import annotations

import os
import platform
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reasons import root_reason

Row = dict[str, Any]
TOP_REASONS = 10


def table(rows: Sequence[Row], cases: Sequence[dict[str, Any]], corpus: str, target: str) -> str:
    """Shares of classes and families, by modality, and the reasons for the rest.

    Args:
        rows: what was measured.
        cases: the corpus cases that the rows are a part of.
        corpus: file name to print in the command.
        target: what the ports build on.
    """
    modality = {case["id"]: case["modality"] for case in cases}
    total = sum(len(case["models"]) for case in cases)
    measured = f"{len(rows)} of the {total} classes were measured. " if len(rows) < total else ""
    lines = [
        f"`python benchmarks/ports.py {corpus}{_option(target)}` on {machine()}:",
        "",
        f"{measured}A class matches when its outputs, hidden states and attentions are PyTorch's in eager mode",
        "and in `tf.function` with unknown batch and length (of tokens; sizes of images and other floats are unknown",
        "where the graph takes that), those of further calls too (labels, padding on the left, cached steps, other",
        "arguments), and every weight finds its place. It is proven when, besides, no argument of its forward is left",
        "that never had a value, and PyTorch's outputs are finite and not constant.",
        "",
        "| | Classes that match | Classes proven | Families that match whole |",
        "| --- | --- | --- | --- |",
        _share("**all**", rows),
    ]
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[modality[row["case"]]].append(row)
    lines += [_share(name, groups[name]) for name in sorted(groups)]
    lines += ["", "| Reason, at its root | Classes |", "| --- | --- |"]
    reasons = Counter(root_reason(row) for row in rows if not row["ok"])
    lines += [f"| {reason.replace('|', '/')} | {count} |" for reason, count in reasons.most_common(TOP_REASONS)]
    return "\n".join(lines) + "\n"


def _option(target: str) -> str:
    return "" if target == "standalone" else f" --target {target}"


def _share(name: str, rows: Sequence[Row]) -> str:
    families: dict[str, bool] = {}
    for row in rows:
        families[row["family"]] = families.get(row["family"], True) and row["matches"]
    shares = [[row["matches"] for row in rows], [row["ok"] for row in rows], list(families.values())]
    return f"| {name} | {' | '.join(map(_fraction, shares))} |"


def _fraction(flags: Sequence[bool]) -> str:
    return f"{sum(flags)} of {len(flags)} ({100 * sum(flags) / len(flags):.1f} %)" if flags else "none measured"


def machine() -> str:
    """The processor, its cores that may be used, the memory and Python, in one line."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    name = cpu.group(1) if cpu else platform.processor()
    cores = len(os.sched_getaffinity(0))
    return f"{name}, {cores} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"
