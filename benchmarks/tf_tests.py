"""Run transformers' own tests of TensorFlow models on ports that `--target transformers4` writes.

    python benchmarks/tf_tests.py CORPUS.json --common CHECKOUT/tests/test_modeling_tf_common.py [--families a,b]
        [--hand-written] [--output results.jsonl] [--processes 1] [--limit SECONDS]

In the environment of transformers 4. Where transformers has TensorFlow classes of a family, ports of them take their
place; `--hand-written` runs the tests on transformers' own. The common tests are in the source distribution of
transformers 4.50, not in that of 4.57. Each runs on all classes of a case at once, with the sizes and the inputs of
the corpus in place of a model tester's. One JSON line per test; a run that is started again goes on with the tests
that have none.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.util
import inspect
import json
import sys
import tempfile
import traceback
import unittest
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from pool import Task, run_tasks
from ports import ordered, read_rows

Row = dict[str, Any]
LONGEST = 300


def main() -> None:
    """Run the tests, and say how many pass."""
    options = _options()
    families = set(filter(None, options.families.split(",")))
    cases = json.loads(options.corpus.read_text(encoding="utf-8"))["cases"]
    cases = ordered([case for case in cases if case["lead"] and (not families or case["family"] in families)])
    rows = read_rows(options.output)
    done = {(row["case"], row["class"]) for row in rows}
    names = test_names(options.common)
    tasks = [Task(case, tuple(name for name in names if (case["id"], name) not in done)) for case in cases]
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with options.output.open("a", encoding="utf-8") as file:
        work = partial(tested, common=options.common, hand_written=options.hand_written)
        for row in run_tasks([task for task in tasks if task.classes], options.processes, options.limit, work):
            file.write(json.dumps(row) + "\n")
            file.flush()
            rows.append(row)
    print(table([row for row in rows if row["case"] in {case["id"] for case in cases}]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--common", type=Path, required=True, help="test_modeling_tf_common.py of transformers")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "tf_tests.jsonl")
    parser.add_argument("--families", default="", help="only these, separated by commas")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--hand-written", action="store_true", help="of the families that have TensorFlow classes")
    parser.add_argument("--limit", type=int, default=600, help="processor seconds per case")
    return parser.parse_args()


def test_names(common: Path) -> list[str]:
    """The tests of the mixin, read from the text of its file."""
    lines = common.read_text(encoding="utf-8").split("class TFModelTesterMixin", 1)[-1].splitlines()
    return [line.split("(")[0].removeprefix("    def ") for line in lines if line.startswith("    def test_")]


def tested(case: Mapping[str, Any], names: Sequence[str], common: Path, hand_written: bool) -> Iterator[Row]:
    """Yield a row for each test, run on the classes of a case."""
    start = {"family": case["family"], "case": case["id"], "matches": False, "ok": False, "seconds": {}}
    with tempfile.TemporaryDirectory(prefix="tf_tests-") as folder:
        try:
            suite = suite_of(case, Path(folder), common, hand_written)
        except Exception as error:  # noqa: BLE001  # whatever stops the case is what this measures
            yield from ({**start, "class": name, "reason": f"not run: {_first_line(error)}"} for name in names)
            return
        for name in names:
            yield {**start, "class": name, **_outcome(suite(name))}


def suite_of(case: Mapping[str, Any], folder: Path, common: Path, hand_written: bool) -> type[unittest.TestCase]:
    """The mixin's tests for the classes of a case: ported to the folder, or transformers' own.

    Where transformers has TensorFlow classes, both are those that it has.
    """
    from porter.subject.find import find_subject

    sample = folder / "sample.json"
    sample.write_text(json.dumps(case), encoding="utf-8")
    subject = find_subject(str(case["family"]), sample)
    own = subject.module_name.replace("modeling_", "modeling_tf_")
    modeling = importlib.import_module(own) if hand_written else _ported(subject, folder)
    config_class = getattr(importlib.import_module(case["config_module"]), case["config_class"])
    names = [f"TF{model['name']}" for model in case["models"]]
    theirs = subject.file.with_name(f"{own.rpartition('.')[2]}.py")
    if theirs.is_file():
        names = [name for name in names if f"class {name}(" in theirs.read_text(encoding="utf-8")]
    classes = tuple(getattr(modeling, name) for name in names)
    if not theirs.is_file():
        _enter_auto_classes(config_class, classes)
    mixin = _module(common).TFModelTesterMixin
    tester = _tester(case, config_class, subject)

    def set_up(self: Any) -> None:
        self.model_tester = tester

    takes_mask = all("head_mask" in inspect.signature(each.call).parameters for each in classes)
    members = {"all_model_classes": classes, "test_onnx": False, "test_head_masking": takes_mask, "setUp": set_up,
               "is_encoder_decoder": bool(tester.config().is_encoder_decoder)}  # fmt: skip
    return type("PortedTest", (mixin, unittest.TestCase), members)


def _ported(subject: Any, folder: Path) -> ModuleType:
    """The port, in the place of TensorFlow classes that transformers may have."""
    from porter.port.in_tree import import_into_tree
    from porter.port.port import port
    from porter.rewrite.targets import target_named

    file = port(subject, folder, target=target_named("transformers4")).file
    importlib.import_module(subject.module_name.rpartition(".")[0]).__path__.insert(0, str(file.resolve().parent))
    return import_into_tree(file)


def _module(file: Path) -> ModuleType:
    """The common tests; what 4.57 no longer has of helpers for TensorFlow's tests does nothing."""
    from transformers import testing_utils

    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module == "transformers.testing_utils":
            for lacking in (each.name for each in node.names if not hasattr(testing_utils, each.name)):
                setattr(testing_utils, lacking, None if lacking.startswith("_") else lambda test: test)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


def _enter_auto_classes(config_class: type, classes: Sequence[type]) -> None:
    """As `--tree` does in the text of `modeling_tf_auto.py`: each table has the classes that PyTorch's has."""
    from transformers.models.auto import modeling_auto, modeling_tf_auto

    names = {each.__name__.removeprefix("TF"): each for each in classes}
    for table, entries in vars(modeling_auto).items():
        mapping = getattr(modeling_tf_auto, f"TF_{table.removesuffix('_NAMES')}", None)
        if table.endswith("_MAPPING_NAMES") and mapping is not None:
            found = [names[value] for value in entries.values() if isinstance(value, str) and value in names]
            for each in found:
                mapping.register(config_class, each, exist_ok=True)


def _tester(case: Mapping[str, Any], config_class: Any, subject: Any) -> SimpleNamespace:
    """What the mixin asks of a model tester: sizes, and a configuration with inputs."""
    import numpy as np
    import tensorflow as tf
    from transformers import GenerationConfig

    from porter.subject.inputs.arrays import numpy_inputs

    taken = inspect.signature(config_class).parameters
    of_generation = GenerationConfig().to_dict().keys() - taken.keys()  # with which no configuration can be saved

    def config() -> Any:
        return config_class(**{name: value for name, value in case["config"].items() if name not in of_generation})

    def prepare() -> tuple[Any, dict[str, Any]]:
        arrays = numpy_inputs(subject.cases[0].inputs_of(subject.cases[0].models[0]))
        kept = {name: value.astype(np.int32) if value.dtype.kind == "i" else value for name, value in arrays.items()}
        return config(), {name: tf.constant(value) for name, value in kept.items()}

    sizes = ("hidden_size", "num_hidden_layers", "num_attention_heads", "image_size", "patch_size", "vocab_size")
    found = {name: getattr(config(), name) for name in sizes if hasattr(config(), name)}
    shape = next(iter(prepare()[1].values())).shape
    return SimpleNamespace(**found, batch_size=shape[0], seq_length=shape[1], num_choices=2, config=config,
                           prepare_config_and_inputs_for_common=prepare)  # fmt: skip


def _outcome(test: unittest.TestCase) -> Row:
    result = unittest.TestResult()
    test.run(result)
    problems = [*result.errors, *result.failures]
    skipped = result.skipped[0][1] if result.skipped else ""
    if problems:
        return {"reason": _last_line(problems[0][1])}
    return {"ok": not skipped, "matches": not skipped, "reason": f"skipped: {skipped}" if skipped else ""}


def _last_line(text: str) -> str:
    """The error of a traceback, with the last line of a port in it."""
    lines = text.strip().splitlines()
    places = [line.strip() for line in lines if line.lstrip().startswith("File ") and "site-packages" not in line]
    error = next((line for line in reversed(lines) if line[:1].isalpha()), lines[-1])
    return f"{error[:LONGEST]} ({places[-1] if places else ''})"


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}; {traceback.extract_tb(error.__traceback__)[-1].line}"[:LONGEST]


def table(rows: Sequence[Row]) -> str:
    """How many tests pass, family by family, and what the others say."""
    run = [row for row in rows if not row["reason"].startswith("skipped")]
    lines = ["| Family | Tests that pass |", "| --- | --- |"]
    for family in dict.fromkeys(row["family"] for row in run):
        own = [row["ok"] for row in run if row["family"] == family]
        lines.append(f"| {family} | {sum(own)} of {len(own)} |")
    failed = Counter((row["class"], row["reason"]) for row in run if not row["ok"])
    return "\n".join([*lines, "", *(f"{count} {name}: {reason}" for (name, reason), count in failed.most_common())])


if __name__ == "__main__":
    main()
