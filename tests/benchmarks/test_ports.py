"""The loop that measures: no class is lost, whatever happens to its case, and causes are told apart."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def case(name: str, *classes: str, lead: bool = True) -> dict[str, Any]:
    models = [{"name": one} for one in classes]
    return {"id": name, "family": name, "lead": lead, "modality": "text", "models": models}


def row(reason: str, notes: tuple[str, ...] = ()) -> dict[str, Any]:
    failed_at = {"failed_at": {"torch_line": 1, "code": "x", "notes": list(notes)}} if notes else {}
    return {
        "family": "a",
        "case": "a",
        "class": "A",
        "matches": not reason,
        "ok": not reason,
        "reason": reason,
        **failed_at,
    }


@pytest.mark.parametrize(
    ("measured", "root"),
    [
        (row("m.py:3: NameError: name 'torch' is not defined", ("torch.foo has no rule; the call was kept.",)),
         "no rule: torch.foo"),
        (row("x", ("torch.nn.Foo has no layer card; the call was kept.",)), "no layer card: torch.nn.Foo"),
        (row("modeling_tf_a.py:9: NameError: name 'b' is not defined"), "NameError b in generated file"),
        (row("graph: OperatorNotAllowedInGraphError: no bool"), "graph: branch on tensor"),
        (row("logits differs: 3 of 9 elements (33.3 %); greatest 1.0e-01"), "differs numerically"),
        (row("weights missing: a.weight, b.weight"), "weights missing"),
        (row("time limit"), "time limit"),
    ],
)  # fmt: skip
def test_failures_have_a_root(measured: dict[str, Any], root: str) -> None:
    from reasons import root_reason

    assert root_reason(measured) == root


def test_main_cases_come_before_variants() -> None:
    from ports import ordered

    found = [one["id"] for one in ordered([case("b", lead=False), case("c"), case("a", lead=False), case("d")])]
    assert set(found[:2]) == {"c", "d"}
    assert set(found[2:]) == {"a", "b"}


def test_a_half_written_line_is_measured_again(tmp_path: Path) -> None:
    from ports import read_rows

    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(row("")) + "\n" + json.dumps(row("x"))[:20])
    assert read_rows(file) == [row("")]


def test_the_table_counts_families_whole() -> None:
    from report import table

    rows = [row(""), {**row("time limit"), "class": "B"}]
    text = table(rows, [case("a", "A", "B", "C")], "corpus.json", "transformers4")
    assert "corpus.json --target transformers4` on" in text
    assert "2 of the 3 classes were measured" in text
    assert "| **all** | 1 of 2 (50.0 %) | 1 of 2 (50.0 %) | 0 of 1 (0.0 %) |" in text
    assert "| time limit | 1 |" in text


def one_ends_badly(case: dict[str, Any], classes: tuple[str, ...], target: str) -> Iterator[dict[str, Any]]:
    """A case whose first class is reported before it crashes or hangs; or all is well."""
    for name in classes:
        yield {"case": case["id"], "family": case["family"], "class": name, "matches": True, "ok": True, "reason": ""}
        if case["id"] == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if case["id"] == "hang":
            time.sleep(1000)


def test_every_class_gets_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    import pool

    cases = ModuleType("cases")
    cases.run_case = one_ends_badly  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cases", cases)
    monkeypatch.setattr(pool, "_import_frameworks", lambda: None)
    tasks = [pool.Task(case(name), ("A", "B")) for name in ("crash", "hang", "fine")]
    rows = list(pool.run_tasks(tasks, processes=2, limit=1, work=pool.proofs()))
    assert {(one["case"], one["class"]): one["reason"] for one in rows} == {
        ("crash", "A"): "", ("crash", "B"): "crashed: SIGSEGV",
        ("hang", "A"): "", ("hang", "B"): "time limit",
        ("fine", "A"): "", ("fine", "B"): "",
    }  # fmt: skip
