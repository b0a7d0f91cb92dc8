"""Tables that a layer keeps and grows when a longer input comes: a graph cannot keep them, so they are computed anew.

`if length > self.cached: self.cached = length; self.table = ...` becomes the computation alone, into a local variable;
so does `if key not in self.tables: self.tables[key] = ...`.
`if length > self.cached: self.grow(length)` calls the method each time; the attributes that it sets stay where they
are, and hold the tensors of the call that is going on. So does a method that returns early where its table is long
enough: `if self.table.shape[0] >= length: return` goes. What is kept from the first call on, `if self.table is None`,
is a table as well, where nothing else sets it; `if self.table is not None: return self.table[:length]` goes, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.sets_only import attributes_set
from porter.rewrite.reading.source import LocalFunction, Source
from porter.rulebook.call import code_of

_OWN = m.Attribute(value=m.Name("self"))


@dataclass(frozen=True)
class Recomputed:
    """The branches that always run, the early returns that never come, and what stands for what was kept.

    All but `variables` name the attributes or entries that they set, or would have left as they were.
    """

    branches: Mapping[cst.CSTNode, str]
    early_returns: Mapping[cst.CSTNode, str]
    variables: Mapping[cst.CSTNode, str]

    def remark(self, node: cst.CSTNode) -> str | None:
        """What is to be said of a branch that always runs or never returns; None of every other statement."""
        kept = self.branches.get(node) or self.early_returns.get(node)
        return f"{kept} is computed anew at each call, where PyTorch keeps it for the next ones." if kept else None


def find_recomputed(knowledge: Knowledge) -> Recomputed:
    """All such branches of the file; each is given the names of its attributes."""
    branches: dict[cst.CSTNode, str] = {}
    early_returns: dict[cst.CSTNode, str] = {}
    variables: dict[cst.CSTNode, str] = {}
    for function in knowledge.source.functions.values():
        if function.class_name is None or function.own_name == "__init__":
            continue
        for node in knowledge.source.find(function.node, cst.If):
            kept = _kept(knowledge, function, node) if node in function.node.body.body else frozenset()
            set_there = kept or _set_anew(knowledge, function, node)
            if set_there and _holds_table(knowledge, function, set_there):
                branches[node] = _named(set_there)
                own = (a for a in _own_attributes(knowledge, function.node) if a.attr.value in kept)
                variables |= {attribute: attribute.attr.value for attribute in own}
            elif entries := _entries(knowledge, function, node):
                table = code_of(entries[0].value)
                branches[node] = f"`{table}`"
                variables |= dict.fromkeys(entries, table.removeprefix("self."))
            elif spared := _spared(knowledge, function, node) or _given_back(knowledge, function, node):
                early_returns[node] = _named(spared)
    return Recomputed(branches, early_returns, variables)


def _named(attributes: Iterable[str]) -> str:
    return ", ".join(f"`self.{name}`" for name in sorted(attributes))


def _spared(knowledge: Knowledge, function: LocalFunction, node: cst.If) -> frozenset[str]:
    """The attributes that the rest of a method sets, and nothing else, where this branch on a size does not return."""
    statements = list(function.node.body.body)
    if node not in statements or not _returns_early(node) or not _asks_for_size(knowledge, node, function.parameters):
        return frozenset()
    owner = function.class_name or ""
    rest = statements[statements.index(node) + 1 :]
    kept = attributes_set(knowledge.source, owner, rest) or frozenset()
    asked = {attribute.attr.value for attribute in _own_attributes(knowledge, node)}
    before = (own for own in knowledge.source.find(node, cst.Assign) if not _sets_only(own, kept))
    if not kept & asked or any(before) or kept & _stored(knowledge, owner):
        return frozenset()
    return kept if _holds_table(knowledge, function, kept) else frozenset()


def _given_back(knowledge: Knowledge, function: LocalFunction, node: cst.If) -> frozenset[str]:
    """The attributes that the rest of a method sets, where this branch gives back what was kept in them before."""
    statements = list(function.node.body.body)
    returns = m.SimpleStatementLine(body=[m.Return(value=m.DoNotCare())])
    if node not in statements or node.orelse is not None or not m.matches(node.body.body[-1], returns):
        return frozenset()
    source, owner = knowledge.source, function.class_name or ""
    asked = {
        attribute.attr.value for attribute in _own_attributes(knowledge, node.test) if _is_there(source, attribute)
    }
    rest = statements[statements.index(node) + 1 :]
    kept = asked & {name for line in rest for name in attributes_set(source, owner, [line]) or ()}
    return (
        frozenset(kept - _stored(knowledge, owner))
        if _holds_table(knowledge, function, frozenset(kept))
        else frozenset()
    )


def _is_there(source: Source, attribute: cst.Attribute) -> bool:
    """Whether a test asks for the attribute's presence: `self.table is not None`, `exists(self.table)`."""
    parent = source.parents[attribute]
    present = m.Comparison(comparisons=[m.ComparisonTarget(operator=m.IsNot(), comparator=m.Name("None"))])
    return m.matches(parent, present) or isinstance(parent, cst.Arg)


def _sets_once(knowledge: Knowledge, function: LocalFunction, node: cst.If, kept: frozenset[str]) -> bool:
    """Whether a branch asks that one of them is None, and nothing but constructors sets them elsewhere."""
    source = knowledge.source
    missing = m.Comparison(left=_OWN, comparisons=[m.ComparisonTarget(operator=m.Is(), comparator=m.Name("None"))])
    if not m.matches(node.test, missing):
        return False
    owner = source.classes[function.class_name or ""].node
    targets = [t.target for t in source.find(owner, cst.AssignTarget) if isinstance(t.target, cst.Attribute)]
    others = (t for t in targets if t.attr.value in kept and not any(a is node for a in source.ancestors(t)))
    return all(source.in_constructor(each) for each in others)


def _returns_early(node: cst.If) -> bool:
    """Whether a branch ends in a bare `return`, perhaps on further conditions, and only assigns before."""
    *before, last = node.body.body
    line = m.SimpleStatementLine(body=[m.Return(value=None)])
    ends = _returns_early(last) if isinstance(last, cst.If) else m.matches(last, line)
    assigns = m.SimpleStatementLine(body=[m.Assign()])
    blocks = m.If(body=m.IndentedBlock(body=[m.ZeroOrMore(assigns)]), orelse=None)
    return node.orelse is None and ends and all(m.matches(statement, assigns | blocks) for statement in before)


def _sets_only(assign: cst.Assign, kept: frozenset[str]) -> bool:
    """Whether an assignment has no target but these attributes of self."""
    targets = [target.target for target in assign.targets]
    return all(isinstance(t, cst.Attribute) and m.matches(t, _OWN) and t.attr.value in kept for t in targets)


def _stored(knowledge: Knowledge, owner: str) -> set[str]:
    """The weights and the buffers of a class that a checkpoint holds."""
    seen = knowledge.facts.modules.get(owner)
    if seen is None:
        return set()
    return {*seen.parameters, *(name for name, persistent in seen.buffers.items() if persistent)}


def _entry_filled_by(knowledge: Knowledge, node: cst.If) -> cst.Subscript | None:
    """`self.tables[key]` of a branch that only stores a tensor there where the key is missing."""
    missing = m.Comparison(comparisons=[m.ComparisonTarget(operator=m.NotIn(), comparator=_OWN)])
    stored = m.Assign(targets=[m.AssignTarget(m.Subscript(value=_OWN))])
    block = m.IndentedBlock(body=[m.SimpleStatementLine(body=[stored])])
    if not m.matches(node, m.If(test=missing, body=block, orelse=None)):
        return None
    (assign,) = knowledge.source.find(node.body, cst.Assign)
    target, test = assign.targets[0].target, node.test
    assert isinstance(target, cst.Subscript) and isinstance(test, cst.Comparison)
    entry = f"{code_of(test.comparisons[0].comparator)}[{code_of(test.left)}]"
    return target if code_of(target) == entry and knowledge.is_tensor(assign.value) else None


def _entries(knowledge: Knowledge, function: LocalFunction, node: cst.If) -> list[cst.Subscript]:
    """Where the entry that a branch fills stands, all behind the branch; nothing where it is asked for elsewhere."""
    source, entry = knowledge.source, _entry_filled_by(knowledge, node)
    if entry is None or code_of(entry.value).removeprefix("self.") in source.assigned(function):
        return []
    every = (each for each in source.find(source.tree, cst.Subscript) if code_of(each.value) == code_of(entry.value))
    found = [each for each in every if source.enclosing_class(each) == function.class_name]
    alike = all(code_of(each) == code_of(entry) and source.enclosing(each) is function for each in found)
    return found if alike and not any(source.before(each, node) for each in found) else []


def _kept(knowledge: Knowledge, function: LocalFunction, node: cst.If) -> frozenset[str]:
    """The attributes that a branch on a size sets for all calls from now on; none where it does anything else."""
    kept = frozenset(_set_by(node))
    asked = {attribute.attr.value for attribute in _own_attributes(knowledge, node.test)}
    if not kept or node.orelse is not None or not kept & asked:
        return frozenset()
    if not _asks_for_size(knowledge, node.test) and not _sets_once(knowledge, function, node, kept):
        return frozenset()
    seen = knowledge.facts.modules.get(function.class_name or "")
    stored = {*seen.parameters, *seen.buffers} if seen is not None else set()
    local = knowledge.source.assigned(function) | {function.own_name}
    if kept & (stored | local) or _reads_before_setting(knowledge, node, kept):
        return frozenset()
    return kept if all(_is_private(knowledge, function, node, name) for name in kept) else frozenset()


def _set_anew(knowledge: Knowledge, function: LocalFunction, node: cst.If) -> frozenset[str]:
    """The attributes that a branch on a size and on one of them sets; none where it does more, or sets weights."""
    owner = function.class_name or ""
    kept = attributes_set(knowledge.source, owner, node.body.body) or frozenset()
    asked = {attribute.attr.value for attribute in _own_attributes(knowledge, node.test)}
    asks = _asks_for_size(knowledge, node.test, function.parameters) or _sets_once(knowledge, function, node, kept)
    if not kept & asked or not asks:
        return frozenset()
    otherwise = attributes_set(knowledge.source, owner, [node.orelse] if node.orelse is not None else [])
    if otherwise is None or not otherwise <= kept:
        return frozenset()
    return frozenset() if kept & _stored(knowledge, owner) else kept


def _holds_table(knowledge: Knowledge, function: LocalFunction, kept: frozenset[str]) -> bool:
    """Whether one of the attributes is a tensor: with numbers alone the model goes on otherwise than without them."""
    owner = knowledge.source.classes[function.class_name or ""].node
    return any(knowledge.is_tensor(own) for own in _own_attributes(knowledge, owner) if own.attr.value in kept)


def _set_by(node: cst.If) -> Iterator[str]:
    """The attributes of self that the branch sets; nothing where it does more than to compute."""
    lines = [line for line in node.body.body if isinstance(line, cst.SimpleStatementLine)]
    small = [statement for line in lines for statement in line.body]
    if len(lines) != len(node.body.body) or not all(isinstance(s, cst.Assign) and len(s.targets) == 1 for s in small):
        return
    targets = [s.targets[0].target for s in small if isinstance(s, cst.Assign)]
    if all(isinstance(t, cst.Name) or m.matches(t, m.Attribute(value=m.Name("self"))) for t in targets):
        yield from (t.attr.value for t in targets if isinstance(t, cst.Attribute))


def _own_attributes(knowledge: Knowledge, tree: cst.CSTNode) -> list[cst.Attribute]:
    found = knowledge.source.find(tree, cst.Attribute)
    return [node for node in found if m.matches(node.value, m.Name("self"))]


def _asks_for_size(knowledge: Knowledge, test: cst.CSTNode, parameters: Sequence[str] = ()) -> bool:
    """Whether a comparison in it has a number beside an attribute: one that differed between runs, or a parameter."""
    operands = [
        part for c in knowledge.source.find(test, cst.Comparison) for part in (c.left, c.comparisons[0].comparator)
    ]
    codes = [(operand, code_of(operand)) for operand in operands]
    facts = [(code, knowledge.fact(operand)) for operand, code in codes if code.partition(".")[0] != "self"]
    return any(fact is not None and fact.only("int") and (not fact.has_value or c in parameters) for c, fact in facts)


def _reads_before_setting(knowledge: Knowledge, node: cst.If, kept: frozenset[str]) -> bool:
    """Whether what is computed depends on what was kept before."""
    known: set[str] = set()
    for assign in knowledge.source.find(node.body, cst.Assign):
        read = {attribute.attr.value for attribute in _own_attributes(knowledge, assign.value)}
        if read & (kept - known):
            return True
        known |= {t.target.attr.value for t in assign.targets if isinstance(t.target, cst.Attribute)}
    return False


def _is_private(knowledge: Knowledge, function: LocalFunction, node: cst.If, name: str) -> bool:
    """Whether nothing but this function, behind the branch, reads the attribute, and nothing but it sets it later."""
    for attribute in knowledge.source.find(knowledge.source.tree, cst.Attribute):
        parent = knowledge.source.parents.get(attribute)
        if attribute.attr.value != name or (isinstance(parent, cst.Call) and parent.func is attribute):
            continue
        around = knowledge.source.enclosing(attribute)
        if around is not function:
            is_set = isinstance(parent, cst.AssignTarget)
            if not (is_set and around is not None and around.own_name == "__init__"):
                return False
        elif knowledge.source.before(attribute, node) or not m.matches(attribute.value, m.Name("self")):
            return False
    return True
