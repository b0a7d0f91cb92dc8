"""What else in a function has a new value when one of its tensors is written to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.bindings import Binding, Bindings
from porter.rewrite.reading.in_place_calls import written_at_root
from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.layer_weights import walks_weights
from porter.rewrite.reading.liveness import is_live, names_set
from porter.rewrite.reading.source import LocalFunction
from porter.rewrite.reading.views_in_file import Origin, keeper, origin_of
from porter.rulebook.call import code_of
from porter.rulebook.results import Remark


@dataclass(frozen=True)
class Stored:
    """`place = name`: what a view was taken of is made anew from the view."""

    place: cst.BaseExpression
    name: str


@dataclass(frozen=True)
class Joined:
    """The tensor whose parts a statement gave to several variables is joined again from all of them."""

    parts: cst.BaseExpression
    names: tuple[str, ...]


@dataclass(frozen=True)
class TakenAgain:
    """A view of what was written to is taken once more."""

    value: cst.BaseExpression
    target: cst.BaseExpression


@dataclass(frozen=True)
class Kept:
    """What a method of a cache gave is kept there anew: `cache.get_conv_state(i)`."""

    taken: cst.Call
    name: str


@dataclass(frozen=True)
class FirstOf:
    """`name = layers[0](name)`: what the first layer of a sequence writes into the variable that it is given."""

    layers: cst.BaseExpression
    name: str


Following = Stored | Joined | TakenAgain | Kept


@dataclass(frozen=True)
class Consequences:
    """What follows a statement that writes in place.

    `takes` are the variables that take what its call hands back, behind the call's own result if `gives`; `first` is
    done before the statement.
    """

    following: tuple[Following, ...] = ()
    remarks: tuple[Remark, ...] = ()
    takes: tuple[str, ...] = ()
    gives: bool = False
    first: FirstOf | None = None


@dataclass(frozen=True)
class FunctionViews:
    """A function, its bindings, and what its variables are views of; `handed` are parameters that it hands back."""

    knowledge: Knowledge
    local: LocalFunction
    handed: tuple[str, ...] = ()

    @cached_property
    def bindings(self) -> Bindings:
        """What its variables have their values from."""
        return Bindings(self.knowledge.source, self.local)

    @cached_property
    def statements(self) -> tuple[cst.BaseSmallStatement, ...]:
        """Its small statements, in order."""
        kinds = (cst.Assign, cst.AnnAssign, cst.AugAssign, cst.Expr, cst.Return)
        return tuple(self.knowledge.source.find(self.local.node.body, *kinds))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The variables, parameters first."""
        return tuple(dict.fromkeys([*self.local.parameters, *(binding.name for binding in self.bindings.every)]))

    def line(self, node: cst.CSTNode) -> cst.CSTNode:
        """The statement of a block that a node stands in."""
        parents = self.knowledge.source.parents
        while not isinstance(parents.get(node), (cst.IndentedBlock, cst.Module)):
            node = parents[node]
        return node

    def live(self, name: str, at: cst.CSTNode) -> bool:
        """Whether a variable may be read after a statement before it is set anew."""
        return name in self.handed or is_live(self.knowledge.source, self.line(at), name)

    def taken(self, name: str, at: cst.CSTNode) -> cst.Call | None:
        """The call that gave a variable what a cache keeps, if all else that it may be at a statement is None."""
        reaching = self.bindings.all_reaching(name, at)
        values = [b.value for b in reaching if b.value is None or not m.matches(b.value, m.Name("None"))]
        call = values[0] if len(values) == 1 else None
        return call if isinstance(call, cst.Call) and keeper(self.knowledge, call) is not None else None

    def origin(self, name: str, at: cst.CSTNode) -> tuple[Binding, Origin] | None:
        """What a variable is a view of at a statement, if that is still under its name."""
        binding = self.bindings.reaching(name, at)
        if binding is None or binding.statement is None:
            return None
        if binding.value is None:
            is_weight = walks_weights(self.knowledge.source, at, name)
            looped = isinstance(binding.statement, cst.For) and not is_weight and self._is_tensor_there(name, at)
            return (binding, Origin(None, code_of(binding.statement.iter))) if looped else None  # type: ignore[attr-defined]  # a For
        origin = origin_of(self.knowledge, binding.value)
        if origin is None or not self._is_tensor_there(name, at):
            return None
        same = origin.name is None or self.bindings.reaching(origin.name, at) == self.bindings.reaching(
            origin.name, binding.statement
        )
        return (binding, origin) if same and origin.name != name else None

    def _is_tensor_there(self, name: str, at: cst.CSTNode) -> bool:
        """Whether what the statement calls by this name is a tensor, as far as anything is known."""
        found = (n for n in self.knowledge.source.find(self.local.node, cst.Name) if n.value == name)
        facts = [fact for fact in map(self.knowledge.traced, found) if fact is not None]
        return not facts or any("tensor" in fact.kinds for fact in facts)


def consequences(function: FunctionViews, at: cst.CSTNode, written: str) -> Consequences:
    """What follows when `written` has a new value behind a statement."""
    needed = {name for name in function.names if function.live(name, at)}
    steps, remarks = _upwards(function, at, written, needed)
    changed = [written, *(origin.name or "" for _, origin in steps)]
    following = [_stored(function, binding, name) for (binding, _), name in zip(steps, changed, strict=False)]
    call = function.taken(changed[-1], at)
    following += [Kept(call, changed[-1])] if call is not None else []
    known = {name for one in following if isinstance(one, Joined) for name in one.names}
    for name in function.names:
        kin = _path_to(function, at, name, changed) if name in needed and name not in (*changed, *known) else None
        if kin is None:
            continue
        if all(_is_sure(function, step, at) for step in kin):
            values = [
                (written_at_root(function.knowledge, b.value), b) for b, _ in reversed(kin) if b.value is not None
            ]
            following += [TakenAgain(value, _target(binding)) for value, binding in values]
        else:
            remarks.append(_shared(name, written))
        changed += [binding.name for binding, _ in kin]
    remarks += [*_held(function, at, written), *_set_together(function, at, written)]
    return Consequences(tuple(dict.fromkeys(following)), tuple(dict.fromkeys(remarks)))


Step = tuple[Binding, Origin]


def _is_sure(function: FunctionViews, step: Step, at: cst.CSTNode) -> bool:
    binding, origin = step
    return origin.sure and function.bindings.is_sure(binding, at)


def _upwards(
    function: FunctionViews, at: cst.CSTNode, written: str, needed: set[str]
) -> tuple[list[Step], list[Remark]]:
    """What a variable is a view of, and what that is a view of, as far as any of it is read afterwards."""
    steps: list[Step] = []
    remarks: list[Remark] = []
    names = [written]
    while (found := function.origin(names[-1], at)) is not None:
        binding, origin = found
        if origin.name in names:
            break
        if origin.name is None or not _is_sure(function, (binding, origin), at):
            remarks = list(_unfollowed(function, origin.name or origin.text, names[-1], needed))
            break
        steps.append(found)
        names.append(origin.name)
    if function.taken(names[-1], at) is not None:
        return steps, remarks
    last = max((i for i, name in enumerate(names) if i and _is_needed(function, at, name, names, needed)), default=0)
    return steps[:last] if not remarks else steps, remarks


def _is_needed(function: FunctionViews, at: cst.CSTNode, name: str, names: list[str], needed: set[str]) -> bool:
    """Whether a variable is still read, or another one that is a view of it."""
    others = (other for other in needed if other not in names)
    return name in needed or any(_path_to(function, at, other, [name]) is not None for other in others)


def _stored(function: FunctionViews, binding: Binding, name: str) -> Following:
    assert binding.value is not None
    if binding.at is None:
        return Stored(binding.value, name)
    parts = (other.name for other in function.bindings.every if other.statement is binding.statement)
    return Joined(binding.value, tuple(parts))


def _target(binding: Binding) -> cst.BaseExpression:
    if binding.at is None or not isinstance(binding.statement, cst.Assign):
        return cst.Name(binding.name)
    return binding.statement.targets[0].target


def _path_to(function: FunctionViews, at: cst.CSTNode, name: str, changed: list[str]) -> list[Step] | None:
    """The steps that lead from a view to something that has changed, the view's own first."""
    path: list[Step] = []
    while name not in changed:
        found = function.origin(name, at)
        if found is None or found[1].name is None or len(path) > len(function.names):
            return None
        path.append(found)
        name = found[1].name
    return path


def _unfollowed(function: FunctionViews, whole: str, view: str, needed: set[str]) -> Iterator[Remark]:
    """What is not a variable of the function, or not surely the same, cannot be made anew."""
    names = set(re.findall(r"(?<![\w.])[a-zA-Z_]\w*", whole))
    if names & {*needed, "self", *function.local.parameters}:
        yield _shared(whole, view)


def _shared(whole: str, view: str) -> Remark:
    message = f"PyTorch writes into `{whole}` through `{view}` here, which shares its numbers; the port does not."
    return Remark(message, "left", "give the result a name of its own in the PyTorch file")


def _held(function: FunctionViews, at: cst.CSTNode, name: str) -> Iterator[Remark]:
    """A list or tuple that took the tensor up before it was written to."""
    binding = function.bindings.reaching(name, at)
    start = binding.statement if binding is not None else None
    before = function.knowledge.source.before
    for small in function.statements:
        since = start is None or before(start, small)
        if since and before(small, at) and function.line(small) is not function.line(at):
            holders = _holders(function, small, name)
            yield from (_shared(holder, name) for holder in sorted(holders) if _is_read_later(function, holder, at))


def _is_read_later(function: FunctionViews, holder: str, at: cst.CSTNode) -> bool:
    """Whether what holds a tensor may be read after a statement: an attribute if it is read anywhere."""
    if not m.matches(cst.parse_expression(holder), m.Attribute()):
        return function.live(holder, at)
    source = function.knowledge.source
    every = (node for node in source.find(source.tree, cst.Attribute) if code_of(node) == holder)
    return any(not isinstance(source.parents[node], cst.AssignTarget) for node in every)


def held_elsewhere(function: FunctionViews, at: cst.CSTNode, place: str) -> Iterator[Remark]:
    """What a write into an element or attribute changes, too: a variable that it holds, `rows = [x]`."""
    before = function.knowledge.source.before
    roots = {place, place.split("[")[0]}
    for small in function.statements:
        if before(small, at) and function.line(small) is not function.line(at):
            yield from (
                _shared(name, place)
                for name in function.names
                if _holders(function, small, name) & roots
                and function.live(name, at)
                and function.bindings.reaching(name, small) == function.bindings.reaching(name, at)
            )


def _set_together(function: FunctionViews, at: cst.CSTNode, name: str) -> Iterator[Remark]:
    """The other variables of `first = second = x * 2`."""
    binding = function.bindings.reaching(name, at)
    statement = binding.statement if binding is not None else None
    for target in statement.targets if isinstance(statement, cst.Assign) and binding and binding.at is None else ():
        other = code_of(target.target)
        reaching = function.bindings.reaching(other, at)
        if other != name and reaching is not None and reaching.statement is statement and function.live(other, at):
            yield _shared(other, name)


def _holders(function: FunctionViews, small: cst.BaseSmallStatement, name: str) -> set[str]:
    """What a statement keeps a variable in: `rows.append(x)`, `rows += (x,)`, `rows = {"a": x}`, `self.last = x`."""
    source = function.knowledge.source
    appended = _appended_to(small)
    value = getattr(small, "value", None)
    if not isinstance(value, cst.BaseExpression):
        return set()
    if isinstance(small, cst.Assign) and isinstance(value, cst.Name) and value.value == name:
        return {place for target in small.targets for place in _places(target.target)}
    parts = [node.value for node in source.find(value, cst.Element, cst.DictElement)]
    parts += [node.value for node in source.find(value, cst.Arg)] if isinstance(small, cst.Expr) and appended else []
    holds = any(isinstance(part, cst.Name) and part.value == name for part in parts)
    sequences = (cst.Tuple, cst.List, cst.Dict, cst.BinaryOperation)
    holders = appended | (set(names_set(source, small)) if isinstance(value, sequences) else set())
    return holders - {name} if holds else set()


def _places(target: cst.BaseExpression) -> Iterator[str]:
    """The attribute, or the list or dictionary whose element it is, that an assignment sets."""
    if isinstance(target, cst.Subscript):
        yield code_of(target.value)
    if isinstance(target, (cst.Attribute, cst.Subscript)):
        yield code_of(target)


def _appended_to(small: cst.BaseSmallStatement) -> set[str]:
    """`rows` of `rows.append(x)` and `rows += (x,)`."""
    if isinstance(small, cst.AugAssign) and isinstance(small.target, cst.Name):
        return {small.target.value}
    call = small.value if isinstance(small, cst.Expr) else None
    method = call.func if isinstance(call, cst.Call) else None
    is_append = isinstance(method, cst.Attribute) and method.attr.value in ("append", "insert")
    return {code_of(method.value)} if isinstance(method, cst.Attribute) and is_append else set()
