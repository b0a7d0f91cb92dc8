"""Reading the rule table: what a name becomes, what a file still needs, a stub for what is missing."""

import ast
import difflib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from porter.base.errors import UsageError
from porter.facts.tensor_methods import is_tensor_method, owner_of_method, tensor_method
from porter.rulebook import Card, Drop, Rule, Same, all_cards, all_rules, find_card, find_refusal, find_rule
from porter.rulebook.signature import Signature

# What structures a module is the rewriter's own matter (porter/rewrite/constructors.py), not a rule's.
_STRUCTURE = ("Buffer", "Module", "ModuleDict", "ModuleList", "Parameter", "ParameterDict", "ParameterList")
STRUCTURE = {f"torch.nn.{name}" for name in _STRUCTURE}
STUB = '''@rule(
    "{signature}",
    cases={{"{call}": "tf.FILL_IN"}},
)
def {function}(call: Call) -> str:
    """Say what differs between the two frameworks."""
    return f"tf.FILL_IN({{call.{first}}})"
'''


@dataclass(frozen=True)
class Missing:
    """A torch name that a file calls and no rule or card translates."""

    name: str
    lines: tuple[int, ...]


def declarations() -> Iterator[tuple[str, Rule | Card]]:
    """Every declared torch name with its rule or card, sorted by name."""
    every: tuple[Rule | Card, ...] = (*all_rules(), *all_cards())
    pairs = [(signature.name, found) for found in every for signature in found.signatures]
    yield from sorted(pairs, key=lambda pair: pair[0])


def find(name: str) -> Rule | Card:
    """The declaration of a name; `sum` is enough where only one name ends so.

    Raises:
        UsageError: there is none, or several names end so.
    """
    exact = find_rule(name) or find_card(name)
    if exact is not None:
        return exact
    because = find_refusal(name)
    if because is not None:
        raise UsageError(f"{name}: {because}.")
    names = [known for known, _ in declarations()]
    ending = [known for known in names if known.endswith(f".{name}")]
    found = {id(declared): declared for declared in (find_rule(known) or find_card(known) for known in ending)}
    if len(found) == 1:
        return next(declared for declared in found.values() if declared is not None)
    near = ending or difflib.get_close_matches(name, names, n=3)
    hint = f"porter rules {near[0]}" if near else f"porter rules --stub {name}"
    several = f" Did you mean {', '.join(near)}?" if near else ""
    raise UsageError(f"{name} has no rule.{several}", hint=hint)


def describe(declared: Rule | Card) -> str:
    """Signatures, translation, cases and reason of one declaration, as text."""
    lines = [signature_text(signature) for signature in declared.signatures]
    lines.append(f"  becomes  {translation_text(declared)}")
    lines += [f"  case     {before}  ->  {after}" for before, after in declared.cases.items()]
    lines += [f"  {line}" for line in declared.doc.splitlines()]
    lines.append(f"  declared in porter/rules/{declared.file}")
    return "\n".join(lines)


def row(declared: Rule | Card) -> dict[str, object]:
    """One declaration as JSON-ready data."""
    return {
        "signatures": [signature_text(signature) for signature in declared.signatures],
        "becomes": translation_text(declared),
        "cases": dict(declared.cases),
        "doc": declared.doc,
        "file": declared.file,
    }


def signature_text(signature: Signature) -> str:
    """The signature as it was declared."""
    if not signature.is_call:
        return signature.name
    parts: list[str] = []
    for parameter in signature.parameters:
        if parameter.keyword_only and "*" not in parts and not any(part.startswith("*") for part in parts):
            parts.append("*")
        text = f"*{parameter.name}" if parameter.variadic else parameter.name
        parts.append(text if parameter.default is None else f"{text}={parameter.default}")
    return f"{signature.name}({', '.join(parts)})"


def translation_text(declared: Rule | Card) -> str:
    """The template, or the name of the function that decides from the facts."""
    if isinstance(declared.to, Drop):
        return "nothing: a statement of it goes"
    if isinstance(declared.to, Same):
        return declared.signatures[0].parameters[0].name
    return declared.to if isinstance(declared.to, str) else f"{declared.to.__name__}() decides from the facts"


def missing(file: Path) -> tuple[Missing, ...]:
    """The torch names that `file` calls without a rule, most often called first.

    Read from the text alone: a method counts where torch.Tensor has it and python's own types do not.

    Raises:
        UsageError: the file cannot be read as Python.
    """
    try:
        tree = ast.parse(file.read_text())
    except (SyntaxError, UnicodeDecodeError) as problem:
        raise UsageError(f"This is not a Python file: {problem}.", place=str(file)) from None
    aliases = _imported(tree)
    decorators = {id(part) for node in ast.walk(tree) for part in getattr(node, "decorator_list", ())}
    lines: dict[str, list[int]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and id(node) not in decorators:
            name = _torch_name(node.func, aliases)
            if name is not None and not _is_known(name):
                lines.setdefault(name, []).append(node.lineno)
    by_count = sorted(lines.items(), key=lambda item: -len(item[1]))
    return tuple(Missing(name, tuple(places)) for name, places in by_count)


def _is_known(name: str) -> bool:
    return name in STRUCTURE or find_rule(name) is not None or find_card(name) is not None


def stub(name: str) -> str:
    """A declaration for `name` to paste into a file of porter/rules and fill in.

    Raises:
        UsageError: torch has no such name.
    """
    signature = _torch_signature(name)
    parameters = signature[len(name) + 1 : -1].split(", ") if "(" in signature else ["input"]
    required = [part for part in takewhile(lambda part: part != "*", parameters) if "=" not in part]
    last = name.rpartition(".")[2]
    method = is_tensor_method(name)
    call = f"x.{last}({', '.join(required[1:])})" if method else f"{name}({', '.join(required)})"
    first = parameters[0].lstrip("*") or "input"
    return STUB.format(signature=signature, call=call, function=last.strip("_"), first=first)


def _torch_signature(name: str) -> str:
    target = _torch_object(name)
    try:
        parameters = [str(p.replace(annotation=p.empty)) for p in inspect.signature(target).parameters.values()]
        text = ", ".join(parameters)
    except (TypeError, ValueError):  # implemented in C: the first line of the docstring has it
        documented = re.search(r"\(([^)]*)\)", inspect.getdoc(target) or "")
        text = documented.group(1) if documented else "input"
    if is_tensor_method(name) and not re.match(r"(self|input)\b", text):
        text = f"input, {text}" if text else "input"
    text = re.sub(r"^self\b", "input", text)
    return f"{name}({', '.join(re.sub(' = ', '=', part.strip()) for part in text.split(','))})"


def _torch_object(name: str) -> Any:
    import torch

    target: Any = torch
    for part in name.split(".")[1:] if name.startswith("torch.") else [""]:
        if not hasattr(target, part):
            raise UsageError(f"torch has no {name}.", hint="write the whole name, such as torch.Tensor.scatter_")
        target = getattr(target, part)
    return target


def _imported(tree: ast.Module) -> dict[str, str]:
    """What the file's names for imported things stand for: {"nn": "torch.nn"}."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                found[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _torch_name(callee: ast.expr, imported: dict[str, str]) -> str | None:
    parts: list[str] = []
    while isinstance(callee, ast.Attribute):
        parts.insert(0, callee.attr)
        callee = callee.value
    root = callee.id if isinstance(callee, ast.Name) else ""
    if root in imported:
        name = ".".join([imported[root], *parts])
        return name if name.startswith("torch.") else None
    is_own_method = root in ("self", "cls", "super") and len(parts) == 1
    is_tensors = parts and not is_own_method and owner_of_method(parts[-1]) == "tensor"
    return tensor_method(parts[-1]) if is_tensors else None
