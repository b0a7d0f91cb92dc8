"""Keep the generated parts of the documents fresh: `python -m porter.docs [--check]`, in the project's root.

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

import ast
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import diffcheck
from porter import commands, runtime
from porter.base import console, files
from porter.rulebook import all_forms
from porter.rulebook import listing as rulebook

PROVEN = Path("benchmarks/proven.json")
PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def refreshed(document: str, makers: Mapping[str, Callable[[], str]]) -> str:
    """The document with each generated part made again. Raises KeyError for a part that nobody makes."""
    return PART.sub(lambda part: f"{part[1]}\n{makers[part[2]]().rstrip()}\n\n{part[3]}", document)


def command_help() -> str:
    """What `--help` of every command prints."""
    names = sorted(path.stem for path in Path(commands.__path__[0]).glob("[!_]*.py"))
    return "\n\n".join(f"```text\n{_help(name.replace('_', '-'))}```" for name in names)


def _help(command: str) -> str:
    call = [sys.executable, "-m", "porter", command, "--help"]
    environment = {**os.environ, "COLUMNS": "100"}
    shown = subprocess.run(call, capture_output=True, text=True, check=True, env=environment).stdout
    return shown.replace("python -m porter", "porter")


def rule_table() -> str:
    """Every declaration: its torch names, and what they become."""
    names: dict[int, list[str]] = {}
    texts: dict[int, str] = {}
    for name, found in rulebook.declarations():
        names.setdefault(id(found), []).append(f"`{name}`")
        texts[id(found)] = f"`{rulebook.translation_text(found)}`"
    return _markdown(("PyTorch", "TensorFlow"), [(", ".join(names[key]), text) for key, text in texts.items()])


def form_table() -> str:
    """Every declared form of a statement or an expression: its patterns, a case, and what the case becomes."""
    rows = []
    for form in all_forms():
        before, after = next(iter(form.cases.items()))
        patterns = ", ".join(f"`{pattern.text}`" for pattern in form.patterns)
        rows.append((patterns, _one_line(before), _one_line(after) if after else "nothing: it goes"))
    return _markdown(("Form", "For example", "becomes"), rows)


def _one_line(code: str) -> str:
    joined = re.sub(r"\s*\n\s*", "; ", code).replace(":;", ":")
    return f"`{joined}`"


def proven_table() -> str:
    """The families of `benchmarks/proven.json`: classes, greatest errors against PyTorch, and what else works."""
    families = json.loads(PROVEN.read_text())["families"]
    uses = list(dict.fromkeys(use for family in families for use in family.get("uses", {})))
    rows = [
        (
            family["family"],
            f"{family['proven']} of {family['classes']}",
            family["eager"],
            family["graph"],
            *(family.get("uses", {}).get(use, "not run") for use in uses),
        )
        for family in families
    ]
    return _markdown(("Family", "Classes that match", "Greatest error, eager", "in `tf.function`", *uses), rows)


def runtime_table() -> str:
    """Every public name of porter.runtime and the first sentence of what it says of itself, read without importing."""
    home = Path(runtime.__file__).parent
    rows = [
        (f"`{name}`", _first_sentence(home, module, name))
        for name, module in sorted({**runtime.HOMES, **runtime.MODULES}.items())
    ]
    return _markdown(("Name", "What it is"), rows)


def diffcheck_table() -> str:
    """The same of diffcheck; functions with what they take."""
    entrance = Path(diffcheck.__file__)
    nodes = [node for node in ast.parse(entrance.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
    homes = {alias.name: str(node.module).partition(".")[2] for node in nodes for alias in node.names}
    shown = {name: f"{name}{_parameters(name)}" for name in sorted(diffcheck.__all__, key=str.lower)}
    rows = [(f"`{text}`", _plain(_first_sentence(entrance.parent, homes[name], name))) for name, text in shown.items()]
    return _markdown(("Name", "What it is"), rows)


def _plain(docstring: str) -> str:
    """The text of a docstring in Markdown."""
    return re.sub(r":\w+:(`[^`]*`)", r"\1", docstring).replace("``", "`")


def _parameters(name: str) -> str:
    found = getattr(diffcheck, name)
    if not inspect.isfunction(found):
        return ""
    parameters = inspect.signature(found).parameters.values()
    plain = inspect.Signature([each.replace(annotation=inspect.Parameter.empty) for each in parameters])
    return str(plain).replace("<factory>", "...")


def _first_sentence(home: Path, module: str, name: str) -> str:
    place = home / module.replace(".", "/")
    files_of = [place.with_suffix(".py")] if place.with_suffix(".py").is_file() else sorted(place.glob("*.py"))
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files_of]
    if runtime.MODULES.get(name) == module:
        return (ast.get_docstring(trees[0]) or "").partition("\n\n")[0].replace("\n", " ")
    nodes = [node for tree in trees for node in tree.body]
    for node, after in zip(nodes, [*nodes[1:], ast.Pass()], strict=True):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return (ast.get_docstring(node) or "").partition("\n\n")[0].replace("\n", " ")
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(after, ast.Expr) and name in ast.unparse(node):
            return str(ast.literal_eval(after.value)).partition("\n\n")[0].replace("\n", " ")
    return ""


def _markdown(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


MAKERS: Mapping[str, Callable[[], str]] = {
    "help": command_help,
    "rules": rule_table,
    "forms": form_table,
    "proven": proven_table,
    "runtime": runtime_table,
    "diffcheck": diffcheck_table,
}


def documents() -> list[Path]:
    """README, the guide and all of docs/."""
    return [Path("README.md"), Path("GUIDE.md"), *sorted(Path("docs").glob("*.md"))]


def stale() -> list[Path]:
    """The documents whose generated parts are not what their makers make today."""
    return [path for path in documents() if refreshed(path.read_text(), MAKERS) != path.read_text()]


def main(arguments: list[str]) -> int:
    """Rewrite the stale documents, or with `--check` only name them (exit code 1)."""
    found = stale()
    for path in found:
        console.say(f"{path} is stale." if "--check" in arguments else f"{path} was refreshed.")
        if "--check" not in arguments:
            files.write_text(path, refreshed(path.read_text(), MAKERS))
    return int(bool(found) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
