"""What AutoGraph cannot translate, written as it can: values named in a test, annotated variables."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m


def as_autograph_takes(body: cst.BaseSuite) -> cst.BaseSuite:
    """A function's body with the same meaning, for `tf.autograph`.

    `if (x := f()) > 0:` becomes `x = f()` above `if x > 0:` where the value is always named first, and
    `x: tf.Tensor = f()` becomes `x = f()`.
    """
    return body.visit(_AsAutograph())  # type: ignore[return-value]  # a suite stays one


class _AsAutograph(cst.CSTTransformer):
    def __init__(self) -> None:
        self.elifs: set[cst.CSTNode] = set()

    def visit_If(self, node: cst.If) -> None:
        if isinstance(node.orelse, cst.If):
            self.elifs.add(node.orelse)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        return False

    def leave_AnnAssign(self, original_node: cst.AnnAssign, updated_node: cst.AnnAssign) -> cst.BaseSmallStatement:
        if updated_node.value is None or not isinstance(updated_node.target, cst.Name):
            return updated_node
        return cst.Assign([cst.AssignTarget(updated_node.target)], updated_node.value)

    def leave_If(
        self, original_node: cst.If, updated_node: cst.If
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        named = _named_first(updated_node.test)
        if named is None or original_node in self.elifs:
            return updated_node
        value = named.value.with_changes(lpar=[], rpar=[])
        line = cst.SimpleStatementLine(
            [cst.Assign([cst.AssignTarget(cst.ensure_type(named.target, cst.Name))], value)]
        )
        test = updated_node.test.deep_replace(named, named.target)
        branch = updated_node.with_changes(test=test, leading_lines=[])
        return cst.FlattenSentinel([line.with_changes(leading_lines=updated_node.leading_lines), branch])


def _named_first(test: cst.BaseExpression) -> cst.NamedExpr | None:
    """The `x := ...` that is evaluated before anything else of a test that may change or be left out."""
    while not isinstance(test, cst.NamedExpr):
        if isinstance(test, (cst.UnaryOperation, cst.Attribute)):
            test = test.expression if isinstance(test, cst.UnaryOperation) else test.value
        elif isinstance(test, (cst.Comparison, cst.BooleanOperation, cst.BinaryOperation)):
            test = test.left
        elif isinstance(test, cst.Call) and test.args and m.matches(test.func, m.Name()):
            test = test.args[0].value
        else:
            return None
    return test
