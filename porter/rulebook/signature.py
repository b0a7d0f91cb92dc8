"""torch signatures as rules write them, and binding a call's arguments to them."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from porter.facts.tensor_methods import is_method, is_tensor_method

T = TypeVar("T")


class CannotBind(Exception):
    """The arguments at a call site do not fit the declared signature."""


@dataclass(frozen=True)
class Parameter:
    """One parameter: `default` is its source text, `None` when the parameter is required."""

    name: str
    default: str | None = None
    variadic: bool = False
    keyword_only: bool = False


@dataclass(frozen=True)
class Signature:
    """`torch.sum(input, dim=None)`; without parentheses it declares an attribute or a constant."""

    name: str
    parameters: tuple[Parameter, ...] = ()
    is_call: bool = True

    @property
    def is_method(self) -> bool:
        """Whether the first parameter is what stands before the dot."""
        return is_method(self.name)

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of this name."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)


@dataclass(frozen=True)
class Bound(Generic[T]):
    """Arguments by parameter name; `given` leaves out what the caller did not pass."""

    given: dict[str, T] = field(default_factory=dict)
    variadic: tuple[T, ...] = ()


def parse_signature(text: str) -> Signature:
    """Read `torch.cat(tensors, dim=0)`, `torch.Tensor.T` or `torch.Tensor.view(input, *shape)`.

    Raises:
        ValueError: the text is not a signature.
    """
    if "(" not in text:
        parameters = (Parameter("input"),) if is_tensor_method(text) else ()
        return Signature(text.strip(), parameters, is_call=False)
    name, _, rest = text.partition("(")
    function = ast.parse(f"def f({rest}: pass").body[0]
    if not isinstance(function, ast.FunctionDef):
        raise ValueError(f"{text} is not a signature.")
    return Signature(name.strip(), _parameters(function.args))


def _parameters(arguments: ast.arguments) -> tuple[Parameter, ...]:
    plain = [*arguments.posonlyargs, *arguments.args]
    required = len(plain) - len(arguments.defaults)
    defaults = [None] * required + [ast.unparse(default) for default in arguments.defaults]
    parameters = [Parameter(argument.arg, default) for argument, default in zip(plain, defaults, strict=True)]
    if arguments.vararg:
        parameters.append(Parameter(arguments.vararg.arg, variadic=True))
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        text = ast.unparse(default) if default is not None else None
        parameters.append(Parameter(argument.arg, text, keyword_only=True))
    return tuple(parameters)


def bind(signature: Signature, positional: Sequence[T], keywords: dict[str, T]) -> Bound[T]:
    """Assign arguments to parameters as Python would.

    Raises:
        CannotBind: too many arguments, an unknown keyword, or a required one missing.
    """
    plain = [p for p in signature.parameters if not p.variadic and not p.keyword_only]
    variadic = next((p for p in signature.parameters if p.variadic), None)
    given = dict(zip((p.name for p in plain), positional, strict=False))
    rest = tuple(positional[len(plain) :])
    if rest and variadic is None:
        raise CannotBind(f"{signature.name} takes {len(plain)} positional arguments, {len(positional)} stand here")
    if variadic is not None and variadic.name in keywords:
        keywords = dict(keywords)
        rest = (keywords.pop(variadic.name),)
    for name, value in keywords.items():
        if signature.parameter(name) is None:
            raise CannotBind(f"{signature.name} has no argument {name!r} that porter knows")
        if name in given:
            raise CannotBind(f"{signature.name} got {name!r} twice")
        given[name] = value
    missing = [p.name for p in plain if p.default is None and p.name not in given]
    if missing:
        raise CannotBind(f"{signature.name} lacks {', '.join(missing)}")
    return Bound(given, rest)
