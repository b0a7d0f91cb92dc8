"""Plant mistakes into TensorFlow ports and see whether the diff names the module, the statement and the cause.

    python benchmarks/diff_mutants.py CORPUS.json --families bert gpt2 ... --each 25 --out mutants.jsonl
    python benchmarks/diff_mutants.py CORPUS.json --families bert gpt2 ... --hand-written --out mutants.jsonl
    python benchmarks/diff_mutants.py --table mutants.jsonl

Each port is scaffolded once, or with --hand-written, transformers' own TensorFlow class of the family is taken, in an
environment of constraints-transformers4.txt. Its clean original is examined, then copies with one mistake each. One
JSON line per mutant; a run that is started again goes on where it stopped.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from mutations import CAUSES, Mutation, mutations

import diffcheck
from diffcheck.record import tf_side, values
from porter.base.quiet import quiet_frameworks

SOURCES = ("generated", "hand-written")


@dataclass(frozen=True)
class Port:
    """A family's PyTorch model, the TensorFlow file, a clean TensorFlow model with its weights, and inputs.

    A hand-written file is part of a package and is edited in a folder of its own.
    """

    family: str
    source: str
    folder: Path
    package: str
    class_name: str
    file: Path
    torch: Any
    tf: Any
    inputs: dict[str, Any]


def main() -> None:
    """Run or tabulate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("--families", nargs="+", default=[])
    parser.add_argument("--hand-written", action="store_true")
    parser.add_argument("--each", type=int, default=25)
    parser.add_argument("--out", type=Path, default=Path("mutants.jsonl"))
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    quiet_frameworks()
    if options.table:
        print(table([json.loads(line) for line in options.table.read_text().splitlines()]))
        return
    source = SOURCES[options.hand_written]
    done = set()
    if options.out.exists():
        rows = map(json.loads, options.out.read_text().splitlines())
        done = {(row["family"], row["id"]) for row in rows if row["source"] == source}
    if options.hand_written:
        os.environ["TF_USE_LEGACY_KERAS"] = "1"
    for family in options.families:
        with tempfile.TemporaryDirectory() as folder:
            try:
                port = make_port(options.corpus, family, source, Path(folder))
            except Exception as error:  # noqa: BLE001 - a family that cannot be ported yet is left out, and said
                print(f"{family}: no port: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
                continue
            for row in rows_of(port, options.each, done):
                with options.out.open("a") as out:
                    out.write(json.dumps(row) + "\n")


def make_port(corpus: Path, family: str, source: str, folder: Path) -> Port:
    """The TensorFlow class of the base model of a family, with PyTorch's strong weights loaded into it."""
    import torch

    from porter.subject.find import find_subject
    from porter.subject.inputs.variation import checked_variation, torch_inputs
    from porter.subject.torch_model import build_torch_model

    torch.set_num_threads(1)
    data = json.loads(corpus.read_text())
    case = next(case for case in data["cases"] if case["family"] == family and case["lead"])
    sample = folder / "sample.json"
    name = case["models"][0]["name"]
    sample.write_text(json.dumps({**data, "cases": [{**case, "models": case["models"][:1]}]}))
    subject = find_subject(family, sample, (name,))
    model = build_torch_model(subject, subject.cases[0], name)
    specs = subject.cases[0].inputs_of(subject.cases[0].models[0])
    inputs = checked_variation(model, specs)
    inputs = {key: inputs[key] for key in torch_inputs(model, inputs)}
    model.save_pretrained(folder / "weights")
    found = hand_written(name) if source == SOURCES[True] else scaffolded(family, name, sample)
    port = found.from_pretrained(str(folder / "weights"), from_pt=True)
    module = sys.modules[found.__module__]
    return Port(family, source, folder, module.__package__, found.__name__, Path(module.__file__), model, port, inputs)


def scaffolded(family: str, name: str, sample: Path) -> Any:
    """The class that porter writes."""
    from porter.port.chain import Options, run
    from porter.port.load import import_file

    result = run(Options(family, sample.parent, (name,), sample, False))
    return getattr(import_file(result.written[0]), f"TF{name}")


def hand_written(name: str) -> Any:
    """The class that transformers 4 has."""
    import transformers

    return getattr(transformers, f"TF{name}")


def rows_of(port: Port, each: int, done: set[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """The clean original, then the mutants."""
    if (port.family, "clean") not in done:
        clean = examined(port, port.tf, None, "clean", "")
        yield clean
        if not clean["matches"]:
            print(f"{port.family}: the port itself differs in {clean['origin']}", file=sys.stderr, flush=True)
            return
    text = port.file.read_text()
    outputs = values.flatten(tf_side.call_model(port.tf, port.inputs))
    live = chosen(mutations(text), each * 4)
    made = 0
    for mutation in live:
        name = f"{mutation.kind}:{mutation.line}:{mutation.column}:{mutation.new}"
        if made >= each:
            break
        if (port.family, name) in done:
            made += 1
            continue
        model = mutant(port, mutation.apply(text), f"{port.file.stem}_{abs(hash(name))}")
        if model is None or not changes(model, port.inputs, outputs):
            continue
        made += 1
        yield examined(port, model, mutation, name, mutation.kind)
    yield from weight_rows(port, done)


def chosen(found: list[Mutation], count: int) -> list[Mutation]:
    """Kinds in turn, so that each is represented; within a kind in an order that depends on the file only."""
    generator = np.random.default_rng(0)
    by_kind: dict[str, list[Mutation]] = {}
    for position in generator.permutation(len(found)):
        by_kind.setdefault(found[position].kind, []).append(found[position])
    picked: list[Mutation] = []
    while by_kind and len(picked) < count:
        for kind in sorted(by_kind):
            picked.append(by_kind[kind].pop())
            if not by_kind[kind]:
                del by_kind[kind]
    return picked


def mutant(port: Port, text: str, name: str) -> Any:
    """A model of the edited file with the clean model's weights; None if it cannot even be built."""
    file = port.folder / f"{name}.py"
    file.write_text(text)
    name = f"{port.package}.{name}" if port.package else name
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        found = getattr(module, port.class_name)
        model = found.from_config(port.tf.config) if port.source == SOURCES[False] else found(port.tf.config)
        if port.source == SOURCES[True]:
            model.build_in_name_scope()
        for mine, theirs in zip(model.variables, port.tf.variables, strict=True):
            mine.assign(theirs)
    except Exception:  # noqa: BLE001 - a mutant that does not import or build is not a port that anyone would diff
        return None
    return model


def changes(model: Any, inputs: dict[str, Any], clean: Any) -> bool:
    """Whether the mistake reaches the outputs: beyond rounding, or by a crash."""
    try:
        outputs = values.flatten(tf_side.call_model(model, inputs))
    except Exception:  # noqa: BLE001 - a crash is a change
        return True
    return not diffcheck.compare_flat(clean, outputs, tolerance=2e-6).matches


def weight_rows(port: Port, done: set[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """Mistakes in loading: two layers' kernels swapped, a square kernel transposed, a weight never loaded."""
    outputs = values.flatten(tf_side.call_model(port.tf, port.inputs))
    named = {path: v for path, v in tf_side.variables(port.tf).items() if len(v.shape) == 2}
    squares = [path for path, v in named.items() if v.shape[0] == v.shape[1]]
    plans = [
        ("transposed weight", squares[:1]),
        ("swapped weights", squares[1:3]),
        ("unloaded weight", list(named)[-1:]),
    ]
    for kind, paths in plans:
        if len(paths) < 1 + (kind == "swapped weights") or (port.family, kind) in done:
            continue
        before = [named[path].numpy() for path in paths]
        after = [before[0].T] if kind == "transposed weight" else before[::-1]
        if kind == "unloaded weight":
            after = [np.random.default_rng(0).normal(size=before[0].shape).astype(np.float32) * 0.02]
        for path, value in zip(paths, after, strict=True):
            named[path].assign(value)
        if changes(port.tf, port.inputs, outputs):
            yield examined(port, port.tf, None, kind, kind, {path.rpartition(".")[0] for path in paths})
        for path, value in zip(paths, before, strict=True):
            named[path].assign(value)


def examined(
    port: Port, model: Any, mutation: Mutation | None, name: str, kind: str, layers: Collection[str] = ()
) -> dict[str, Any]:
    """One diff, held against what was planted, with the two usual rules on the same numbers."""
    start = time.perf_counter()
    report = diffcheck.diff(port.torch, model, port.inputs, diffcheck.Options(layer_by_layer=True))
    origin = report.origin
    found = next((m for m in report.modules if origin and m.path == origin.path), None)
    classes = {path: {base.__name__ for base in type(part).__mro__} for path, part in tf_side.layers(model).items()}
    row: dict[str, Any] = {"source": port.source, "family": port.family, "id": name, "kind": kind}
    row["matches"] = report.matches
    row |= {"origin": origin and origin.path, "line": origin and origin.tf and origin.tf.line}
    row |= {"cause": origin and origin.cause, "seconds": round(time.perf_counter() - start, 1)}
    partners = {module.tf_path for module in report.modules if module.tf_path is not None}
    wrong = is_wrong_module(mutation, layers, model, with_inner(classes, partners))
    row["module"] = found is not None and wrong(found.tf_path or "")
    rules = {"first_1e5": 1e-5, "first_any": 1e-7}
    for rule, bound in rules.items():
        first = next((m for m in leaves_first(report) if m.in_flow and exceeds(m.in_flow, bound, rule)), None)
        row[rule] = first is not None and wrong(first.tf_path or "")
        row[f"{rule}_alarm"] = first is not None
    row["statement"] = mutation is not None and row["line"] == statement_line(mutation, model)
    row["named"] = bool(origin and origin.cause and any(word in origin.cause for word in CAUSES.get(kind, ())))
    return row


def exceeds(comparison: Any, bound: float, rule: str) -> bool:
    """The rule on a module's propagated difference: absolute 1e-5, or PaDiff's relative 1e-7."""
    if comparison.max_abs is None:
        return True
    return comparison.max_abs > bound if rule == "first_1e5" else comparison.relative > bound


def leaves_first(report: Any) -> list[Any]:
    """Modules in the order in which they finish, which is how a reader of a layer table meets them."""
    ordered: list[Any] = []
    stack: list[Any] = []
    for module in report.modules:
        while stack and not (not stack[-1].path or module.path.startswith(f"{stack[-1].path}.")):
            ordered.append(stack.pop())
        stack.append(module)
    return ordered + stack[::-1]


def is_wrong_module(
    mutation: Mutation | None, layers: Collection[str], model: Any, classes: dict[str, set[str]]
) -> Any:
    """A test on TensorFlow paths: is this the module that holds the mistake?"""
    if mutation is None:
        return lambda path: path in layers
    module = sys.modules[type(model).__module__]
    owner = getattr(module, mutation.owner)
    if not is_layer(owner):  # a function, or a helper's class: whoever uses it holds the mistake
        users = users_of(mutation.owner, ast.parse(Path(module.__file__).read_text()))
        return lambda path: bool(classes.get(path, set()) & users) or (not path and has_main(users))
    here = mutation.owner
    if mutation.function == "__init__":
        return lambda path: here in classes.get(path, ()) or here in classes[parent_of(path, classes)]
    return lambda path: here in classes.get(path, ()) or (not path and has_main({here}))


def is_layer(owner: object) -> bool:
    """Whether it is a class of Keras layers, of either Keras."""
    return isinstance(owner, type) and any(base.__name__ == "Layer" for base in owner.__mro__)


def with_inner(classes: dict[str, set[str]], partners: Collection[str]) -> dict[str, set[str]]:
    """A layer without a partner in PyTorch's model is its parent's own code."""
    found = {path: set(names) for path, names in classes.items()}
    for path in sorted(classes, key=lambda path: -path.count(".")):
        if path and path not in partners:
            found[parent_of(path, classes)] |= found[path]
    return found


def parent_of(path: str, classes: Collection[str]) -> str:
    """The layer around a layer; members of a list have a part of the path that is none."""
    path = path.rpartition(".")[0]
    while path not in classes:
        path = path.rpartition(".")[0]
    return path


def has_main(classes: set[str]) -> bool:
    """Whether the main layer is among the classes: PyTorch has it as the model itself."""
    return any("MainLayer" in name for name in classes)


def users_of(function: str, tree: ast.Module) -> set[str]:
    """The classes that use a function, directly or through other functions of the file."""
    names, classes = {function}, set()
    for _ in range(4):
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
                if used & names:
                    (classes if isinstance(node, ast.ClassDef) else names).add(node.name)
    return classes


def statement_line(mutation: Mutation, model: Any) -> int:
    """The first line of the statement that holds the mistake."""
    text = Path(sys.modules[type(model).__module__].__file__).read_text()
    around = [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.stmt) and not isinstance(node, ast.ClassDef | ast.FunctionDef)
        and node.lineno <= mutation.line <= (node.end_lineno or node.lineno)
    ]  # fmt: skip
    return max(around, default=mutation.line)


def table(rows: list[dict[str, Any]]) -> str:
    """The figures as Markdown: all mutants, then those of generated and of hand-written files, kinds, and misses."""
    sources = [source for source in SOURCES if any(row["source"] == source for row in rows)]
    parts = [("all", rows), *((source, [row for row in rows if row["source"] == source]) for source in sources)]
    lines = [f"{len(mutants_of(rows))} mutants of {len({(row['source'], row['family']) for row in rows})} files", ""]
    lines += [f"| figure | {' | '.join(name for name, _ in parts)} |", f"|---|{'---|' * len(parts)}"]
    figures = [figures_of(part) for _, part in parts]
    lines += [f"| {name} | {' | '.join(figure[name] for figure in figures)} |" for name in figures[0]]
    lines += ["", "| kind | mutants | module | statement | cause |", "|---|---|---|---|---|"]
    for kind, count in sorted(Counter(row["kind"] for row in mutants_of(rows)).items()):
        of = [row for row in mutants_of(rows) if row["kind"] == kind]
        hits = [str(sum(bool(row[key]) for row in of)) for key in ("module", "statement", "named")]
        lines.append(f"| {kind} | {count} | {' | '.join(hits)} |")
    missed = [row for row in mutants_of(rows) if not row["module"]]
    lines += ["", "Wrong module:", ""]
    lines += [
        f"- {row['source']} {row['family']}: {row['id']}; named {row['origin'] or 'the model'}" for row in missed
    ]
    return "\n".join(lines)


def mutants_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the clean originals."""
    return [row for row in rows if row["id"] != "clean"]


def figures_of(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Each figure as text; what is planted in weights has no statement."""
    clean = [row for row in rows if row["id"] == "clean"]
    mutants = mutants_of(rows)
    planted = [row for row in mutants if "weight" not in row["kind"]]
    listed = [row for row in mutants if row["kind"] in CAUSES]

    def share(key: str, of: list[dict[str, Any]]) -> str:
        hits = sum(bool(row[key]) for row in of)
        return f"{hits} of {len(of)} ({100 * hits / max(1, len(of)):.1f} %)"

    return {
        "right module": share("module", mutants),
        "right module, first difference > 1e-5": share("first_1e5", mutants),
        "right module, first relative difference > 1e-7 (PaDiff)": share("first_any", mutants),
        "right statement": share("statement", planted),
        "right cause": share("named", listed),
        "alarm on a clean model": f"{sum(not row['matches'] for row in clean)} of {len(clean)}",
        "alarm on a clean model, > 1e-5": str(sum(row["first_1e5_alarm"] for row in clean)),
        "alarm on a clean model, > 1e-7": str(sum(row["first_any_alarm"] for row in clean)),
        "undetected": str(sum(row["matches"] for row in mutants)),
    }


if __name__ == "__main__":
    main()
