"""The layout of the house: which room may import which, what files are called, where each is tested."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path for package in ("porter", "diffcheck") for path in (ROOT / package).rglob("*.py"))

# From low to high: a room imports only from rooms that stand before it, lazy imports included. A folder is a room; the
# files of a folder that has folders inside are rooms of their own.
ROOMS = [
    "diffcheck.record",
    "diffcheck.compare",
    "diffcheck.show",
    "diffcheck.judge",
    "diffcheck.interrupt",
    "diffcheck.explain.watched_statements",
    "diffcheck.explain.first_statement",
    "diffcheck.explain.causes",
    "diffcheck.explain.culprit",
    "diffcheck.explain",
    "diffcheck.pipeline",
    "diffcheck",
    "diffcheck.exported",
    "porter.base",
    "porter.runtime.keras_internals",
    "porter.runtime.port_errors",
    "porter.runtime.ops",
    "porter.runtime.caches",
    "porter.runtime.outputs",
    "porter.runtime.stored",
    "porter.hub.client",
    "porter.runtime.layers",
    "porter.runtime.losses",
    "porter.runtime.attention",
    "porter.runtime.generation",
    "porter.runtime.model",
    "porter.runtime",
    "porter.carried",
    "porter.hub.digests",
    "porter.hub.trust",
    "porter.hub.fetch",
    "porter.hub.configuration",
    "porter.hub",
    "porter.subject.edited_text",
    "porter.subject.spelled_out",
    "porter.subject.one_by_one",
    "porter.subject.modeling_text",
    "porter.subject.case",
    "porter.subject.locate",
    "porter.subject.torch_class",
    "porter.subject.sample_fields",
    "porter.subject.sample_file",
    "porter.subject.shrink",
    "porter.subject.plausible_sizes",
    "porter.subject.strong_weights",
    "porter.subject.torch_model",
    "porter.subject.torch_checkpoint",
    "porter.subject.inputs",
    "porter.subject.written_for",
    "porter.subject.tiny",
    "porter.subject.plain_modules",
    "porter.subject.ported_module",
    "porter.subject.state_dict",
    "porter.subject",
    "porter.subject.find",
    "porter.subject.siblings",
    "porter.testing",
    "porter.sample",
    "porter.facts",
    "porter.trace",
    "porter.rulebook",
    "porter.rules",
    "porter.rewrite.reading",
    "porter.rewrite.targets",
    "porter.rewrite.context",
    "porter.rewrite.expressions",
    "porter.rewrite.statements",
    "porter.rewrite.definitions",
    "porter.rewrite.text",
    "porter.rewrite.transformer",
    "porter.rewrite",
    "porter.gather",
    "porter.port",
    "porter.weights.formats",
    "porter.weights.plan",
    "porter.weights.options",
    "porter.weights.convert",
    "porter.weights.in_background",
    "porter.weights.prove",
    "porter.weights.report",
    "porter.weights.conversion",
    "porter.weights.earlier_run",
    "porter.weights.plain_conversion",
    "porter.weights.request",
    "porter.weights.ported",
    "porter.weights",
    "porter",
    "porter.diff",
    "porter.export.axes",
    "porter.export.feature",
    "porter.export.onnx_inputs",
    "porter.export.other_sizes",
    "porter.export.samples",
    "porter.export.parts",
    "porter.export.cached_signatures",
    "porter.export.positional",
    "porter.export.loaded_model",
    "porter.export.declaration",
    "porter.export.memory_need",
    "porter.export.example",
    "porter.export.validation",
    "porter.export.alone",
    "porter.export.bool_numbers",
    "porter.export.ported_side",
    "porter.export.lite_operations",
    "porter.export.tensorflow_weights",
    "porter.export.onnx",
    "porter.export.formats",
    "porter.export.exporting",
    "porter.export.comparing",
    "porter.export.api",
    "porter.export",
    "porter.commands",
    "porter.cli",
    "porter.docs",
    "porter.__main__",
]

# A file is tested in the mirrored place, unless its folder (or the file itself) is listed here.
TESTED_ELSEWHERE = {
    "diffcheck/compare/metrics.py": "diffcheck/compare/test_outputs.py",
    "diffcheck/explain": "diffcheck/explain/test_causes.py",
    "diffcheck/explain/causes": "diffcheck/explain/test_causes.py",
    "diffcheck/exported": "diffcheck/exported/test_exported.py",
    "diffcheck/interrupt.py": "diffcheck/test_pipeline.py",
    "diffcheck/judge": "diffcheck/test_pipeline.py",
    "diffcheck/record": "diffcheck/test_pipeline.py",
    "diffcheck/show": "diffcheck/test_reports.py",
    "porter/__main__.py": "test_cli.py",
    "porter/base": "test_cli.py",
    "porter/base/byte_size.py": "commands/test_pt_to_tf.py",
    "porter/base/version.py": "test_house.py",
    "porter/carried": "transformers4/target.py",
    "porter/commands": "test_cli.py",
    "porter/diff": "commands/test_diff.py",
    "porter/export": "export/formats/test_onnx_export.py",
    "porter/export/formats": "export/formats/test_torchscript_export.py",
    "porter/export/onnx": "export/formats/test_onnx_export.py",
    "porter/gather": "gather/test_gathering.py",
    "porter/facts": "facts/test_facts.py",
    "porter/hub": "hub/test_pull_request.py",
    "porter/hub/client": "hub/test_pull_request.py",
    "porter/port": "commands/test_scaffold.py",
    "porter/rewrite": "rewrite/test_rewrite.py",
    "porter/rewrite/definitions": "rewrite/test_rewrite.py",
    "porter/rewrite/expressions": "rewrite/test_rewrite.py",
    "porter/rewrite/reading": "rewrite/test_rewrite.py",
    "porter/rewrite/statements": "rewrite/test_rewrite.py",
    "porter/rulebook": "rules/test_cases.py",
    "porter/rules": "rules/test_cases.py",
    "porter/runtime/attention": "runtime/attention/test_masks.py",
    "porter/runtime/caches": "runtime/test_caches.py",
    "porter/runtime/generation": "ports/test_generation.py",
    "porter/runtime/layers": "runtime/test_layers.py",
    "porter/runtime/losses": "runtime/test_losses.py",
    "porter/runtime/model": "runtime/model/test_modeling.py",
    "porter/runtime/ops": "rules/test_cases.py",
    "porter/runtime/outputs": "runtime/test_outputs.py",
    "porter/runtime/stored": "runtime/stored/test_checkpoint.py",
    "porter/sample.py": "subject/inputs/test_arrays.py",
    "porter/subject": "subject/test_subject.py",
    "porter/subject/inputs": "subject/inputs/test_arrays.py",
    "porter/testing": "testing/test_labels.py",
    "porter/trace": "trace/test_runs.py",
    "porter/weights": "commands/test_pt_to_tf.py",
    "porter/weights/convert": "weights/convert/test_convert.py",
    "porter/weights/formats": "weights/convert/test_convert.py",
    "porter/weights/prove": "weights/prove/test_blocks.py",
    "porter/weights/report": "weights/report/test_conversion_report.py",
}


def name_of(path: Path) -> str:
    """`porter.base.files` for `porter/base/files.py`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in FILES}
PACKAGES = {name for name, path in MODULES.items() if path.name == "__init__.py"}
MIXED = {name.rpartition(".")[0] for name in PACKAGES} | {"porter", "diffcheck"}


def room_of(module: str) -> str:
    folder = module if module in PACKAGES else module.rpartition(".")[0]
    return module if folder in MIXED else folder


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in MODULES else node.module for name in names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_every_room_has_its_floor() -> None:
    assert sorted({room_of(name) for name in MODULES} - set(ROOMS)) == []


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_run_downwards_only(module: str) -> None:
    room = room_of(module)
    above = ROOMS[ROOMS.index(room) + 1 :]
    named = {name for name in imports_of(MODULES[module]) if name in MODULES}
    assert sorted(name for name in named if room_of(name) in above) == []


def test_no_file_imports_itself_in_a_circle() -> None:
    waiting = {name: set(imports_of(path)) & set(MODULES) - {name} for name, path in MODULES.items()}
    while free := {name for name, needed in waiting.items() if not needed & set(waiting)}:
        waiting = {name: needed for name, needed in waiting.items() if name not in free}
    assert sorted(waiting) == []


def test_no_two_files_have_one_name() -> None:
    counts = Counter(path.name for path in FILES if path.name != "__init__.py")
    assert [name for name, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("path", [path for path in FILES if path.name != "__init__.py"], ids=name_of)
def test_every_file_has_its_test(path: Path) -> None:
    place = path.relative_to(ROOT)
    mirrored = Path(*place.parts[place.parts[0] == "porter" :]).with_name(f"test_{path.name}")
    elsewhere = TESTED_ELSEWHERE.get(place.as_posix()) or TESTED_ELSEWHERE.get(place.parent.as_posix())
    assert any((ROOT / "tests" / test).is_file() for test in (mirrored, elsewhere) if test)


def test_the_list_of_tests_elsewhere_is_true() -> None:
    missing = [test for test in TESTED_ELSEWHERE.values() if not (ROOT / "tests" / test).is_file()]
    assert missing == [place for place in TESTED_ELSEWHERE if not (ROOT / place).exists()] == []
