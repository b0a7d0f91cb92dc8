"""How rules and layer cards are declared and found: a declaration in any file of porter/rules is found by itself."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from porter.facts.tensor_methods import is_tensor_method
from porter.rulebook.call import Call
from porter.rulebook.results import Drop, Same
from porter.rulebook.signature import Signature, parse_signature

DECLARATIONS = "porter.rules"

Translation = Callable[[Call], str | Same | Drop]
Target = str | Same | Drop | Translation


@dataclass(frozen=True)
class Rule:
    """How calls of some torch names are written in TensorFlow.

    `to` is a template over the parameter names, `Same()` for the first argument, `Drop()` for nothing, or a function
    that returns the finished code or one of these. In a template a keyword that the caller did not pass is left out,
    so both frameworks must agree on its default. `rank` is that of the first argument with its batch axis, where
    PyTorch takes it without one too; None where there is no such choice.
    """

    signatures: tuple[Signature, ...]
    to: Target
    cases: Mapping[str, str]
    doc: str
    file: str
    rank: int | None = None


@dataclass(frozen=True)
class Card:
    """How a torch layer is constructed in Keras.

    `build` is the input shape that creates its weights, a template over the constructor's parameters ("" for a
    layer that has none). `attributes` says what `layer.p` and the like become, as templates over `layer`.
    """

    signatures: tuple[Signature, ...]
    to: Target
    build: str
    training: bool
    attributes: Mapping[str, str]
    cases: Mapping[str, str]
    doc: str
    file: str

    @property
    def keras_class(self) -> str:
        """The class it constructs, as the template or the first case says."""
        text = self.to if isinstance(self.to, str) else next(iter(self.cases.values()), "")
        return text.removeprefix(f"{_LAID_OUT}(").partition("(")[0]


_LAID_OUT = "laid_out"  # of porter.runtime, around a layer with layouts of its own


@dataclass
class _Table:
    rules: dict[str, Rule] = field(default_factory=dict)
    cards: dict[str, Card] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)


_TABLE = _Table()


def rule(
    *signatures: str,
    to: str | Same | Drop | None = None,
    cases: Mapping[str, str] | None = None,
    doc: str = "",
    rank: int | None = None,
) -> Callable[[Translation], Translation]:
    """Declare what torch names become. With `to` it is complete; without, it decorates the translating function.

    With `rank`, a first argument of one axis less is a single row, which stands in a batch of its own.
    """
    file = _caller_file()

    def register(target: Target) -> None:
        text = doc or (inspect.getdoc(target) or "" if callable(target) else "")
        parsed = tuple(parse_signature(signature) for signature in signatures)
        declared = Rule(parsed, target, dict(cases or {}), text, file, rank)
        _add(_TABLE.rules, declared.signatures, declared)

    return _decorator(to, register)


def layer(
    *signatures: str,
    to: str | None = None,
    build: str = "",
    training: bool = False,
    attributes: Mapping[str, str] | None = None,
    cases: Mapping[str, str] | None = None,
    layouts: Mapping[str, str] | None = None,
) -> Callable[[Translation], Translation]:
    """Declare a layer card.

    `layouts` says how PyTorch's weights lie in the variables of a Keras class that has no row in
    porter.runtime.stored.layouts, such as `{"weight": "kernel: o i -> i o"}`; the port carries them.
    """
    file = _caller_file()
    if layouts:
        to = f"{_LAID_OUT}({to}, {json.dumps(dict(layouts))})"

    def register(target: Target) -> None:
        text = inspect.getdoc(target) or "" if callable(target) else ""
        parsed = tuple(parse_signature(signature) for signature in signatures)
        declared = Card(parsed, target, build, training, dict(attributes or {}), dict(cases or {}), text, file)
        _add(_TABLE.cards, declared.signatures, declared)

    return _decorator(to, register)


def refused(*names: str, because: str) -> None:
    """Declare that torch names have no counterpart, and what to write instead, as the Note says it."""
    _TABLE.refusals.update(dict.fromkeys(names, because))


def find_refusal(name: str) -> str | None:
    """Why a canonical name has no counterpart, where that is declared."""
    load_declarations()
    return _TABLE.refusals.get(name)


def find_rule(name: str) -> Rule | None:
    """The rule for a canonical torch or transformers name.

    `x.add_` falls back to the rule of `x.add`, and that to the rule of `torch.add`, whose first parameter is x.
    """
    load_declarations()
    found = _TABLE.rules.get(name) or _of_function(name)
    if found is None and _may_be_in_place(name) and name.endswith("_") and not name.endswith("__"):
        found = _TABLE.rules.get(name[:-1]) or _of_function(name[:-1])
    return found


def _of_function(name: str) -> Rule | None:
    """The rule of the function of torch that a tensor's method is called like, for the method."""
    function = f"torch.{name.rpartition('.')[2]}"
    found = _TABLE.rules.get(function) if is_tensor_method(name) else None
    own = next((each for each in found.signatures if each.name == function), None) if found is not None else None
    if found is None or own is None or not own.parameters or own.parameters[0].name not in ("input", "A"):
        return None
    method = replace(own, name=name)
    return replace(found, signatures=(method, *found.signatures))


def _may_be_in_place(name: str) -> bool:
    return is_tensor_method(name) or name.startswith("torch.nn.functional.")


def find_card(name: str) -> Card | None:
    """The card for a canonical torch layer class; a layer with a parametrised weight has the plain layer's."""
    load_declarations()
    name = name.replace("torch.nn.utils.parametrize.Parametrized", "torch.nn.")
    return _TABLE.cards.get(name)


def all_rules() -> tuple[Rule, ...]:
    """Every rule once, in order of declaration."""
    load_declarations()
    return tuple({id(found): found for found in _TABLE.rules.values()}.values())


def all_cards() -> tuple[Card, ...]:
    """Every layer card once, in order of declaration."""
    load_declarations()
    return tuple({id(found): found for found in _TABLE.cards.values()}.values())


@cache
def load_declarations() -> None:
    """Import every file of porter/rules, which declares what it declares."""
    package = importlib.import_module(DECLARATIONS)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{DECLARATIONS}.{module.name}")


def _add(table: dict[str, Rule] | dict[str, Card], signatures: Iterable[Signature], declared: Rule | Card) -> None:
    for signature in signatures:
        if signature.name in table:
            raise ValueError(f"{signature.name} is declared twice: {table[signature.name].file} and {declared.file}")
        table[signature.name] = declared  # type: ignore[assignment]  # one table holds one kind


def _decorator(
    to: str | Same | Drop | None, register: Callable[[Target], None]
) -> Callable[[Translation], Translation]:
    if to is not None:
        register(to)

    def decorate(function: Translation) -> Translation:
        register(function)
        return function

    return decorate


def _caller_file() -> str:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    assert frame.f_back.f_back is not None
    return Path(frame.f_back.f_back.f_code.co_filename).name
