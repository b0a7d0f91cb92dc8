"""One corpus case through the whole chain: trace, rewrite, import, and each class against PyTorch."""

from __future__ import annotations

import ast
import json
import re
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from porter import __version__
from porter.base.errors import PorterError
from porter.base.stages import Stages
from porter.port.class_result import ClassResult
from porter.port.failure_text import where_it_failed
from porter.port.in_tree import check_family, import_into_tree
from porter.port.load import import_file
from porter.port.port import port as write_port
from porter.port.verify import verify
from porter.rewrite import Draft
from porter.rewrite.targets import Target, target_named
from porter.subject import Subject
from porter.subject.find import find_subject

Row = dict[str, Any]
KEPT_KEYS = 5  # of the weights that found no place; their number is kept in full
PLACE = re.compile(r"(modeling_tf_\w+\.py):(\d+)")


@dataclass(frozen=True)
class Port:
    """A generated file and what it was made from."""

    file: Path
    target: Target
    subject: Subject
    draft: Draft
    code: list[str]
    modeling: ModuleType | None
    failure: str = ""  # where and why the file cannot be imported

    @property
    def header(self) -> int:
        """Lines on top of the file that the source map does not know."""
        return len(self.code) - len(self.draft.code.splitlines())


@dataclass
class _Clock:
    seconds: dict[str, float]
    last: float

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = round(now - self.last, 2)
        self.last = now


def run_case(case: Mapping[str, Any], classes: Sequence[str], target: str = "standalone") -> Iterator[Row]:
    """Yield one row for each of the classes."""
    _one_thread()
    clock = _Clock({}, time.perf_counter())
    with tempfile.TemporaryDirectory(prefix="ports-") as folder:
        try:
            port = make_port(case, Path(folder), clock, target_named(target))
        except Exception as error:  # noqa: BLE001 - whatever stops the case is what this measures
            failure = {"matches": False, "ok": False, "reason": _stopped(error, clock), "seconds": clock.seconds}
            for name in classes:
                yield {**_start_of(case, name), **failure}
            return
        for name in classes:
            yield class_row(case, name, port, clock)


def _one_thread() -> None:
    import tensorflow as tf
    import torch

    torch.set_num_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _start_of(case: Mapping[str, Any], name: str) -> Row:
    return {"family": case["family"], "case": case["id"], "class": name, "porter": __version__}


def _stopped(error: Exception, clock: _Clock) -> str:
    """Where in the chain the whole case stopped, and why."""
    stage = list(clock.seconds)[-1] if clock.seconds else "subject"
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f" ({Path(last.filename).name}: {last.line})"
    text = str(error) if isinstance(error, PorterError) else f"{type(error).__name__}: {error}{place}"
    return f"{stage} failed: {' '.join(text.split())[:300]}"


def make_port(case: Mapping[str, Any], folder: Path, clock: _Clock, target: Target) -> Port:
    """The case's modeling file, ported as `porter scaffold --sample` does."""
    sample = folder / "sample.json"
    sample.write_text(json.dumps(case), encoding="utf-8")
    subject = find_subject(str(case["family"]), sample)
    if target.carried:
        check_family(subject)
    clock.lap("subject")
    ported = write_port(subject, folder, stages=Stages(clock.seconds), target=target)
    file, draft = ported.file, ported.draft
    code = file.read_text(encoding="utf-8").splitlines()
    clock.last = time.perf_counter()
    try:
        modeling = import_into_tree(file) if target.carried else import_file(file)
        port = Port(file, target, subject, draft, code, modeling)
    except Exception as error:  # noqa: BLE001 - as in run_case
        why = f"import failed: {where_it_failed(error.__cause__ or error)}"
        port = Port(file, target, subject, draft, code, None, why)
    clock.lap("import")
    return port


def class_row(case: Mapping[str, Any], name: str, port: Port, clock: _Clock) -> Row:
    """Prove one class."""
    left = [note for note in port.draft.notes if note.level == "left"]
    texts = [f"{note.line}: {note.message}" for note in left]
    row: Row = {**_start_of(case, name), "notes_left": len(left), "left": texts}
    if port.modeling is None:
        failure = {"matches": False, "ok": False, "reason": port.failure, **_where(port.failure, port)}
        return {**row, **failure, "seconds": dict(clock.seconds)}
    kept = (replace(one, models=tuple(m for m in one.models if m.name == name)) for one in port.subject.cases)
    subject = replace(port.subject, cases=tuple(one for one in kept if one.models))
    try:
        result = next(iter(verify(subject, port.modeling, bool(port.target.carried))))
    except Exception as error:  # noqa: BLE001 - as in run_case
        failure = {"matches": False, "ok": False, "reason": f"verify failed: {type(error).__name__}: {error}"[:400]}
        clock.lap("verify")
        return {**row, **failure, "seconds": dict(clock.seconds)}
    clock.lap("verify")
    message = result.eager.message if not result.eager.ok else result.graph.message
    return {**row, **_proof(result), **_where(message, port), "seconds": dict(clock.seconds)}


def _proof(result: ClassResult) -> Row:
    problems = {kind: names for kind, names in result.weights.items() if names}
    return {
        "matches": result.matches,
        "ok": result.ok,
        "comparable": result.comparable,
        "eager": vars(result.eager),
        "graph": vars(result.graph),
        "noise": result.noise,
        "weights": {kind: {"count": len(names), "first": names[:KEPT_KEYS]} for kind, names in problems.items()},
        "reason": _first_reason(result),
    }


def _first_reason(result: ClassResult) -> str:
    if result.ok:
        return ""
    if not result.eager.ok and result.eager.max_abs is None:
        return result.eager.message
    for kind, names in result.weights.items():
        if names:
            return f"weights {kind}: {', '.join(names[:KEPT_KEYS])}"
    wrong = [f"point of the guide: {name}: {text}" for name, text in result.guide.items() if text]
    if result.matches and wrong:
        return wrong[0]
    if result.matches:
        return result.nothing[0] if result.nothing else f"never given: {', '.join(result.coverage.idle)}"
    return result.eager.message if not result.eager.ok else f"graph: {result.graph.message}"


def _where(message: str, port: Port) -> Row:
    """The statement that failed, in both files, with porter's own Notes about it; or about the name it lacks."""
    place = PLACE.search(message)
    if place is None or place.group(1) != port.file.name:
        return {}
    line = int(place.group(2))
    torch_line = port.draft.source_map.get(line - port.header)
    left = [note for note in port.draft.notes if note.level == "left"]
    lines = _statement(port.subject.source, torch_line) if torch_line else range(0)
    notes = [note.message for note in left if note.line in lines]
    lacking = re.search(r"NameError: name '(\w+)'", message)
    if not notes and lacking:
        notes = [note.message for note in left if re.search(rf"\b{lacking.group(1)}\b", note.message)]
    return {"failed_at": {"torch_line": torch_line, "code": port.code[line - 1].strip(), "notes": notes}}


def _statement(source: str, line: int) -> range:
    """The lines of the innermost statement around a line, of a compound statement its header."""
    found = range(line, line + 1)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            body = getattr(node, "body", None)
            end = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            found = range(node.lineno, max(end, node.lineno) + 1)  # walk is breadth-first: the innermost is last
    return found
