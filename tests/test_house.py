"""The house rules, as tests."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from porter.rulebook import all_cards, all_rules

ROOT = Path(__file__).parents[1]
FRAMEWORKS = ("torch", "tensorflow", "keras", "transformers")
SOURCES = sorted(path for package in ("porter", "diffcheck") for path in (ROOT / package).rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION, MOST_PARAMETERS = 400, 60, 6
MOST_STATEMENTS_OF_MODELS = 5
PRINTS = ROOT / "porter" / "base" / "console.py"
COMMANDS = ROOT / "porter" / "commands"
# Signatures there are PyTorch's and transformers' own, whatever their length.
FOREIGN_SIGNATURES = ROOT / "porter" / "runtime"

# What is known in one place: the text that gives it away, where to look for it, and the only files that may hold it.
IN_ONE_PLACE: dict[str, tuple[str, str, set[str]]] = {
    "a configuration's sizes of inputs": (
        r'"(vocab_size|type_vocab_size|image_size|num_mel_bins|max_source_positions|conv_stride)"',
        "porter/subject porter/weights porter/diff porter/export porter/trace porter/port porter/commands",
        {"porter/subject/inputs/input_sizes.py"},
    ),
    "importing by path": (
        r"exec_module\(|ModuleSpec\(|SourceFileLoader|runpy",
        "porter diffcheck",
        {"porter/base/by_path.py"},
    ),
    "what is private in Keras": (
        r"keras\.src|\._(tracker|layers|flatten_layers|untrack_\w+|call_has_\w+|(non_)?trainable_variables|initializer"
        r"|initialize|kernel|embeddings|shape)\b",
        "porter diffcheck",
        {
            "porter/runtime/keras_internals.py",
            "porter/carried/keras_2_internals.py",
            "diffcheck/record/keras_privates.py",
        },
    ),
    "the runtime's own errors": (r"raise (ValueError|NotImplementedError)\(", "porter/runtime", set()),
    "whose a method is": (r"\"torch\.Tensor\.\"", "porter", {"porter/facts/tensor_methods.py"}),
    "a PyTorch model in float64": (r"\.double\(\)", "porter diffcheck", {"diffcheck/record/torch_side.py"}),
}


def each_source() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", ["porter.cli", "diffcheck"])
def test_importing_loads_no_framework(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({set(FRAMEWORKS)!r} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.split() == []


def test_diffcheck_stands_alone() -> None:
    own = [path for path in SOURCES if path.is_relative_to(ROOT / "diffcheck")]
    assert [(path.name, name) for path in own for name in imported(path) if name.split(".")[0] == "porter"] == []


def test_rules_know_no_target() -> None:
    own = [path for path in SOURCES if path.is_relative_to(ROOT / "porter" / "rules")]
    assert [
        (path.name, name) for path in own for name in imported(path) if name.startswith("porter.rewrite.targets")
    ] == []


@each_source()
def test_only_the_console_prints(path: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    prints = [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
    assert path == PRINTS or prints == []


@each_source()
def test_files_and_functions_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE
    long = {f.name: f.end_lineno - f.lineno + 1 for f in functions(path) if f.end_lineno is not None}
    assert {name: lines for name, lines in long.items() if lines > LONGEST_FUNCTION} == {}


@each_source()
def test_functions_take_six_parameters_at_most(path: Path) -> None:
    if path.is_relative_to(COMMANDS) or path.is_relative_to(FOREIGN_SIGNATURES):
        return
    counts = {
        function.name: len([*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs])
        - (bool(function.args.args) and function.args.args[0].arg in ("self", "cls"))
        for function in functions(path)
    }
    assert {name: count for name, count in counts.items() if count > MOST_PARAMETERS} == {}


@each_source()
def test_the_mechanism_knows_no_model(path: Path) -> None:
    compared = re.compile(r"model_type\s*(==|!=|in\b)|(==|!=)\s*[\w.]*model_type")
    assert [line for line in path.read_text().splitlines() if compared.search(line)] == []


@each_source()
def test_no_exception_is_swallowed(path: Path) -> None:
    """A broad `except` raises again, or says on its line why anything may come here, as where ported code is run."""
    lines = path.read_text().splitlines()
    handlers = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ExceptHandler)]
    broad = [h for h in handlers if h.type is None or ast.unparse(h.type) in ("Exception", "BaseException")]
    silent = [h.lineno for h in broad if not any(isinstance(node, ast.Raise) for node in ast.walk(h))]
    assert [line for line in silent if not re.search(r"noqa: BLE001\W+\w+ \w+", lines[line - 1])] == []


@each_source()
def test_a_models_own_errors_are_caught_around_few_statements(path: Path) -> None:
    """RUN_ERRORS is Exception: what stands in such a `try` is the model's code, and hardly any of porter's."""
    tries = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Try)]
    foreign = [node for node in tries if any(h.type and "RUN_ERRORS" in ast.unparse(h.type) for h in node.handlers)]
    counts = {n.lineno: sum(isinstance(x, ast.stmt) for part in n.body for x in ast.walk(part)) for n in foreign}
    assert {line: count for line, count in counts.items() if count > MOST_STATEMENTS_OF_MODELS} == {}


@each_source()
def test_no_module_changes_its_globals(path: Path) -> None:
    changed = [node.names for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Global)]
    assert changed == []


@each_source()
def test_no_cache_of_a_module_holds_sources(path: Path) -> None:
    """A file's own analyses are kept with it, in its source or its knowledge, and go with it."""
    cached = [f for f in functions(path) if any("cache" in ast.unparse(each).lower() for each in f.decorator_list)]
    kinds = re.compile(r"\b(Source|Knowledge|Context|Subject|Constructors)\b")
    arguments = {f.name: [ast.unparse(a.annotation) for a in f.args.args if a.annotation] for f in cached}
    assert [name for name, types in arguments.items() if any(map(kinds.search, types))] == []


@each_source()
def test_sentences_say_what_a_thing_is_not(path: Path) -> None:
    """`is not a JSON file`, where a reader new to the language would stumble over `is no JSON file`."""
    odd = re.compile(r"(?<![Tt]here )\b(is|are|was|were) no (?!such\b|longer\b|more\b)\w+")
    assert [line for line in path.read_text().splitlines() if odd.search(line)] == []


@pytest.mark.parametrize("known", IN_ONE_PLACE)
def test_one_thing_is_known_in_one_place(known: str) -> None:
    pattern, rooms, places = IN_ONE_PLACE[known]
    names = {path: str(path.relative_to(ROOT)) for path in SOURCES}
    looked_at = {name: path.read_text() for path, name in names.items() if name.startswith(tuple(rooms.split()))}
    assert {name for name, text in looked_at.items() if re.search(pattern, text)} == places


def test_every_rule_and_card_has_a_case() -> None:
    every = [*all_rules(), *all_cards()]
    assert len(every) > 0
    assert [declared.signatures[0].name for declared in every if not declared.cases] == []


def test_no_two_rules_share_a_name() -> None:
    names = [signature.name for declared in all_rules() for signature in declared.signatures]
    assert sorted(set(names)) == sorted(names)


def test_types_are_complete() -> None:
    checked = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_ruff_is_content() -> None:
    checked = subprocess.run([sys.executable, "-m", "ruff", "check", "."], cwd=ROOT, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout.decode()


def test_the_version_is_said_once() -> None:
    from porter import __version__

    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text()
