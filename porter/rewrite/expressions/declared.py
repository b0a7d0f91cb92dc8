"""Forms at work: the forms declared in porter/rules, asked about each node of the PyTorch file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.expressions.arguments import ported_parameter
from porter.rewrite.expressions.attributes import own_attribute, ported_attribute
from porter.rewrite.expressions.torch_version import asked_of_version
from porter.rewrite.reading.dropped import fills, initialises
from porter.rulebook import Unknown
from porter.rulebook.call import Arg, code_of
from porter.rulebook.forms import Form, candidates
from porter.rulebook.match import Match
from porter.rulebook.pattern import Captures
from porter.rulebook.results import Drop, Remark, Text, nothing

FORMED = (cst.BaseExpression, cst.BaseSmallStatement, cst.BaseCompoundStatement)


def expression_of(answer: Text | Drop) -> cst.BaseExpression:
    """The expression that a declaration gave."""
    return nothing() if isinstance(answer, Drop) else cst.parse_expression(answer.code)


def declares(context: Context, original: cst.CSTNode) -> bool:
    """Whether a form covers a node."""
    if not isinstance(original, FORMED):
        return False
    return bool(_covering(context, original))


def declared(context: Context, original: cst.CSTNode) -> Text | Drop | None:
    """What the one form that covers a node answers, its remark noted; what is asked of PyTorch's version.

    None where there is neither, or the form lacks a fact.

    Raises:
        ValueError: two forms cover it.
    """
    found = _covering(context, original)
    if not found:
        known = asked_of_version(context, original) if isinstance(original, cst.BaseExpression) else None
        return Text(code_of(known)) if known is not None else None
    if len(found) > 1:
        names = " and ".join(f"`{form.name}` ({form.file})" for form, _ in found)
        raise ValueError(f"line {context.source.line(original)}, `{code_of(original)}`: {names} both declare it")
    ((form, match),) = found
    try:
        answer = form.translate(match)
    except Unknown as error:
        context.note(original, "left", f"`{code_of(original)}` was kept: {error}.")
        return None
    note(context, original, answer.remark)
    return answer


def _covering(context: Context, original: cst.CSTNode) -> list[tuple[Form, Match]]:
    """The forms whose conditions hold; these ask about PyTorch's text, so that nothing is ported to find out."""
    return [(form, match) for form, match in _matches(context, original) if form.applies(_question(context, match))]


def _matches(context: Context, original: cst.CSTNode) -> list[tuple[Form, Match]]:
    if isinstance(original, cst.BaseExpression) and _is_target(context, original):
        return []
    return [(form, _match(context, original, captures)) for form, captures in candidates(original)]


def _is_target(context: Context, node: cst.BaseExpression) -> bool:
    """Whether an expression is what a statement writes to, which no form of a value covers."""
    parent = context.source.parents.get(node)
    targets = (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.For, cst.CompFor)
    return isinstance(parent, targets) and parent.target is node


def note(context: Context, original: cst.CSTNode, remark: Remark | None) -> None:
    """Leave what a declaration has to say at the line of a node."""
    if remark is not None:
        context.note(original, remark.level, remark.message, remark.hint)


def _match(context: Context, node: cst.CSTNode, captures: Captures) -> Match:
    fact = context.knowledge.traced(node) if isinstance(node, cst.BaseExpression) else None
    return Match(node, captures, fact, _Place(context, node), lambda captured: _argument(context, captured))


def _question(context: Context, match: Match) -> Match:
    """The match with PyTorch's expressions in place of ported ones."""
    return replace(match, argument=lambda captured: context.arg(captured, captured, _is_starred(context, captured)))


def _argument(context: Context, original: cst.BaseExpression) -> Arg:
    holder = context.source.parents.get(original)
    if isinstance(holder, cst.Attribute) and holder.attr is original:
        return Arg(cst.Name(ported_attribute(context, holder)), original)
    return context.arg(original, context.port(original), _is_starred(context, original))


def _is_starred(context: Context, node: cst.BaseExpression) -> bool:
    holder = context.source.parents.get(node)
    return isinstance(holder, cst.Arg) and holder.star == "*"


@dataclass(frozen=True)
class _Place:
    """The function around a node, as declarations may ask about it."""

    context: Context
    node: cst.CSTNode

    @property
    def in_constructor(self) -> bool:
        return self.context.source.in_constructor(self.node)

    @property
    def is_init(self) -> bool:
        return self.context.source.in_init(self.node)

    @property
    def fills_weights(self) -> bool:
        return self.context.fills_at(self.node)

    @property
    def keywords(self) -> str | None:
        function = self.context.source.enclosing(self.node)
        return function.keywords if function is not None else None

    @property
    def parameters(self) -> tuple[str, ...]:
        function = self.context.source.enclosing(self.node)
        return function.parameters if function is not None else ()

    def received(self, key: str) -> str:
        function = self.context.source.enclosing(self.node)
        return key if function is None else ported_parameter(function, key)

    def receives(self, key: str) -> bool:
        function = self.context.source.enclosing(self.node)
        return function is not None and key in self.context.flow.added.get(function.name, ())

    def may_be_unknown(self, node: cst.BaseExpression) -> bool:
        return self.context.knowledge.may_be_unknown(node)

    def resolve(self, node: cst.BaseExpression) -> object | None:
        return self.context.source.resolve(node)

    def canonical(self, node: cst.BaseExpression) -> str:
        return self.context.source.canonical(node) or ""

    def own_attribute(self, name: str) -> str:
        return own_attribute(self.context, self.node, name)

    def is_child(self, owner: cst.BaseExpression, name: str) -> bool:
        fact = self.context.fact(owner)
        names = fact.names if fact is not None and fact.only("module") else frozenset()
        owners = (found.removeprefix("local.") for found in names if found.startswith("local."))
        return any(name in self.context.knowledge.children(found) for found in owners)

    def is_parameter(self, name: str) -> bool:
        function = self.context.source.enclosing(self.node)
        seen = self.context.knowledge.facts.modules.get(function.class_name or "") if function is not None else None
        return seen is not None and name in seen.parameters

    def goes_through(self, name: str) -> bool:
        source, function = self.context.source, self.context.source.enclosing(self.node)
        named = source.find(function.node, cst.Name) if function is not None else []
        read = [each for each in named if each.value == name and source.before(self.node, each)]
        uses = [each for each in read if not any(around is self.node for around in source.ancestors(each))]
        return bool(uses) and all(_is_gone_through(source.parents[each], each, source.parents) for each in uses)

    def fills(self, call: cst.Call) -> bool:
        return fills(self.context.source, call)

    def initialises(self, function: cst.BaseExpression) -> bool:
        return initialises(self.context.source, function)


_GOES_THROUGH = m.Call(func=m.Name("enumerate") | m.Name("zip") | m.Name("len"))


def _is_gone_through(parent: cst.CSTNode, node: cst.Name, parents: Mapping[cst.CSTNode, cst.CSTNode]) -> bool:
    """`for n in x`, `enumerate(x)` and `x[i]`, where a list serves as well as an array."""
    if isinstance(parent, (cst.For, cst.CompFor)):
        return parent.iter is node
    if isinstance(parent, cst.Subscript):
        return parent.value is node and not isinstance(parents.get(parent), (cst.AssignTarget, cst.AugAssign))
    return isinstance(parent, cst.Arg) and m.matches(parents[parent], _GOES_THROUGH)
