"""Where a function reads and sets its variables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from porter.rewrite.reading.source import Source


def reads(source: Source, tree: cst.CSTNode) -> Iterator[cst.Name]:
    """The names whose value is read inside a node."""
    for node in source.find(tree, cst.Name):
        parent = source.parents.get(node)
        if isinstance(parent, cst.Attribute) and parent.attr is node:
            continue
        if isinstance(parent, cst.Arg) and parent.keyword is node:
            continue
        if isinstance(parent, (cst.AssignTarget, cst.Param)):
            continue
        if isinstance(parent, cst.Element) and isinstance(_target_of(source, parent), cst.AssignTarget):
            continue
        yield node


def _target_of(source: Source, element: cst.CSTNode) -> cst.CSTNode | None:
    return source.parents.get(source.parents[element])


def is_value_read(source: Source, node: cst.Name) -> bool:
    """Whether a name stands for its value, not for an attribute, a keyword or a target."""
    parent = source.parents.get(node)
    if isinstance(parent, cst.Attribute):
        return parent.value is node
    if isinstance(parent, cst.Arg):
        return parent.value is node
    if isinstance(parent, cst.Element):
        parent = source.parents.get(source.parents[parent])
    is_target = isinstance(parent, cst.AnnAssign) and parent.target is node
    return not is_target and not isinstance(parent, (cst.Param, cst.AssignTarget))


def names_set(source: Source, statement: cst.CSTNode) -> Iterator[str]:
    """The variables that assignments inside a node set anew."""
    for node in source.find(statement, cst.AssignTarget, cst.AnnAssign):
        target = node.target  # type: ignore[attr-defined]  # both have one
        elements = target.elements if isinstance(target, (cst.Tuple, cst.List)) else ()
        yield from (part.value for part in (target, *(e.value for e in elements)) if isinstance(part, cst.Name))


def is_live(source: Source, statement: cst.CSTNode, name: str) -> bool:
    """Whether a variable may be read after a statement before it is set anew."""
    for block in source.ancestors(statement):
        if isinstance(block, cst.IndentedBlock):
            at = next(i for i, inner in enumerate(block.body) if inner is statement)
            found = _first_use(source, block.body[at + 1 :], name)
            if found is not None:
                return found
        if isinstance(block, (cst.For, cst.While)) and _first_use(source, block.body.body, name):
            return True  # in the next turn
        if isinstance(block, cst.FunctionDef):
            return False
        statement = block
    return False


def _first_use(source: Source, statements: Sequence[cst.CSTNode], name: str) -> bool | None:
    """True where a variable is read first, False where it is set first or never reached, else None."""
    for statement in statements:
        if not any(read.value == name for read in reads(source, statement)):
            found = _is_set(source, statement, name)
        elif isinstance(statement, cst.For):
            found = _read_in_loop(source, statement, name)
        elif isinstance(statement, cst.If):
            found = _read_in_branches(source, statement, name)
        else:
            return True
        if found is not None:
            return found
    return None


def _is_set(source: Source, statement: cst.CSTNode, name: str) -> bool | None:
    if not isinstance(statement, cst.SimpleStatementLine):
        return None
    leaves = any(isinstance(small, (cst.Return, cst.Raise)) for small in statement.body)
    return False if leaves or name in names_set(source, statement) else None


def _read_in_loop(source: Source, loop: cst.For, name: str) -> bool | None:
    """True where some turn may read what was there before the loop; what no turn may set stays unsettled."""
    if any(read.value == name for read in reads(source, loop.iter)):
        return True
    own = {target.value for target in source.find(loop.target, cst.Name) if isinstance(target, cst.Name)}
    within = name not in own and _first_use(source, loop.body.body, name)
    return True if within or (loop.orelse and _first_use(source, loop.orelse.body.body, name)) else None


def _read_in_branches(source: Source, branch: cst.If, name: str) -> bool | None:
    if any(read.value == name for read in reads(source, branch.test)):
        return True
    other = branch.orelse
    found = [_first_use(source, branch.body.body, name)]
    if isinstance(other, cst.If):
        found.append(_read_in_branches(source, other, name))
    else:
        found.append(_first_use(source, other.body.body, name) if other is not None else None)
    return True if True in found else False if found == [False, False] else None
