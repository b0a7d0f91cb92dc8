"""The report as one HTML file that needs no network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from diffcheck.record.source_text import class_ends, texts_of
from diffcheck.show.report import ModuleResult, Place, Report

MARK = "/*REPORT*/"


def to_html(report: Report, title: str, about: Mapping[str, str] = MappingProxyType({})) -> str:
    """A page with the result in words, the error per module, the tree of modules, both sources and a heat map.

    `about` says how it was made, as the command, the date and the versions, by the name that the page shows.
    """
    page = resources.files("diffcheck").joinpath("report.html").read_text(encoding="utf-8")
    data = json.dumps(page_data(report, title, about), allow_nan=False)
    # A source file may hold "</script>" or "<!-- <script>"; JSON allows to write the sign otherwise.
    return page.replace(MARK, data.replace("<", "\\u003c"))


def page_data(report: Report, title: str, about: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """What the page shows, as plain values."""
    places = [place for module in report.modules for place in (module.torch, module.tf) if place]
    if report.origin:
        places += [place for place in (report.origin.torch, report.origin.tf) if place]
    files = texts_of((place.file for place in places if place.line), report.sources)
    ends = {file: class_ends(text) for file, text in files.items()}
    origin = report.origin
    return {
        "title": title,
        "candidate": report.candidate,
        "matches": report.matches,
        "about": dict(about),
        "inputs": _inputs(report),
        "paths": {file: str(Path(file).absolute()) for file in files if Path(file).is_file()},
        "sentences": report.sentences(figures=False),
        "tolerance": min((tensor.allowed for tensor in report.outputs.tensors if tensor.allowed), default=1e-5),
        "modules": [_module(module, ends) for module in report.modules],
        "origin": origin
        and {
            "path": origin.path,
            "torch": _place(origin.torch),
            "tf": _place(origin.tf),
            "cause": origin.cause,
            "statement": origin.statement,
            "values": [value.to_json() for value in origin.values],
            "heat": origin.heat
            and {
                "path": origin.heat.path,
                "shape": list(origin.heat.shape),
                "cells": [list(row) for row in origin.heat.cells],
            },
        },
        "files": {file: text.splitlines() for file, text in files.items()},
    }


def _inputs(report: Report) -> list[dict[str, Any]]:
    """The outputs on the first inputs, then on those that vary them."""
    runs = [("the inputs", report.outputs), *((each.name, each.outputs) for each in report.variations)]
    return [
        {
            "name": name,
            "matches": outputs.matches,
            "outputs": [
                {"path": tensor.path, "ok": tensor.matches, "max": tensor.max_abs, "allowed": tensor.allowed}
                for tensor in outputs.tensors
            ],
        }
        for name, outputs in runs
    ]


def _module(module: ModuleResult, ends: dict[str, dict[int, int]]) -> dict[str, Any]:
    return {
        "path": module.path,
        "name": module.class_name,
        "verdict": module.verdict,
        "inFlow": module.in_flow and module.in_flow.max_abs,
        "alone": module.alone and module.alone.max_abs,
        "amplification": module.amplification,
        "reason": module.reason,
        "torch": _extent(module.torch, ends),
        "tf": _extent(module.tf, ends),
    }


def _extent(place: Place | None, ends: dict[str, dict[int, int]]) -> dict[str, Any] | None:
    if place is None:
        return None
    return {"file": place.file, "line": place.line, "end": ends.get(place.file, {}).get(place.line, place.line)}


def _place(place: Place | None) -> dict[str, Any] | None:
    if place is None:
        return None
    return {"file": place.file, "line": place.line, "end": place.line + place.text.count("\n"), "text": place.text}
