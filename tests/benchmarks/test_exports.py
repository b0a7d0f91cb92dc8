"""The table of what exports: shares of all cases and of those that scaffold ports, and reasons counted by kind."""

from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def row(case: str, name: str, reason: str = "") -> dict[str, Any]:
    return {"family": case, "case": case, "class": name, "ok": not reason, "reason": reason, "seconds": 1.0}


def test_formats_are_counted_of_all_and_of_what_is_ported() -> None:
    from exports import table

    refused = "No exporter takes {}: 3 of 7"
    rows = [row("a", "scaffold"), row("a", "tflite"), row("a", "onnx", refused.format("AnModel"))]
    rows += [row("b", "scaffold", "left"), row("b", "tflite", "left"), row("b", "onnx", refused.format("BeModel"))]
    text = table(rows, "corpus.json", 5)
    assert "2 of the 5 cases" in text
    assert "| tflite | 1 of 2 (50%) | 1 of 1 (100%) |" in text
    assert "| onnx | 0 of 2 (0%) | 0 of 1 (0%) |" in text
    assert "| onnx | No exporter takes CLASS: # of # | 2 | a |" in text
    assert "| tflite | left" not in text


def test_latency_has_a_column_a_model() -> None:
    from export_latency import table

    text = table({"a": {"PyTorch": 2.0, "onnx": 1.0}, "b": {"PyTorch": 4.0}})
    assert "| | a | b |" in text
    assert "| onnx | 1.0 (0.50) |  |" in text
