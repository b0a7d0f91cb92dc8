"""The report as one HTML file that needs no network."""

from __future__ import annotations

import ast
import json
from importlib import resources
from pathlib import Path
from typing import Any

from diffcheck.show.report import ModuleResult, Place, Report

MARK = "/*REPORT*/"


def to_html(report: Report, title: str) -> str:
    """A page with the result in words, the error per module, the tree of modules, both sources and a heat map."""
    page = resources.files("diffcheck").joinpath("report.html").read_text(encoding="utf-8")
    data = json.dumps(page_data(report, title), allow_nan=False)
    # A source file may hold "</script>"; JSON allows to write it otherwise.
    return page.replace(MARK, data.replace("</", "<\\/"))


def page_data(report: Report, title: str) -> dict[str, Any]:
    """What the page shows, as plain values."""
    places = [place for module in report.modules for place in (module.torch, module.tf) if place]
    if report.origin:
        places += [place for place in (report.origin.torch, report.origin.tf) if place]
    files = {place.file: _text(place.file) for place in places if place.line}
    ends = {file: _class_ends(text) for file, text in files.items()}
    origin = report.origin
    return {
        "title": title,
        "candidate": report.candidate,
        "matches": report.matches,
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
    return {"file": place.file, "line": place.line, "end": ends[place.file].get(place.line, place.line)}


def _place(place: Place | None) -> dict[str, Any] | None:
    if place is None:
        return None
    return {"file": place.file, "line": place.line, "end": place.line + place.text.count("\n"), "text": place.text}


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError:
        return ""


def _class_ends(text: str) -> dict[int, int]:
    """First line of each class (its decorators included) to its last."""
    classes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
    return {
        min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]): node.end_lineno or node.lineno
        for node in classes
    }
