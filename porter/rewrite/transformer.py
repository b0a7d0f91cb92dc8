"""The one walk over the tree: each node goes to the pass that knows it."""

from __future__ import annotations

import inspect
from dataclasses import replace

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.definitions.classes import port_class
from porter.rewrite.definitions.copied_from import port_copied_from
from porter.rewrite.definitions.functions import port_function
from porter.rewrite.definitions.graph_decorators import note_eager_branch
from porter.rewrite.definitions.without_place import without_place
from porter.rewrite.expressions import operators as arithmetic
from porter.rewrite.expressions.annotations import port_annotation, port_class_name, port_docstring_statement
from porter.rewrite.expressions.arguments import ported_parameter
from porter.rewrite.expressions.attributes import layer_value, translate_attribute
from porter.rewrite.expressions.base_calls import port_base_call
from porter.rewrite.expressions.brackets import read_subscript
from porter.rewrite.expressions.calls import is_kept_context, translate_call
from porter.rewrite.expressions.declared import FORMED, declared, expression_of
from porter.rewrite.expressions.filled_weights import fill_attribute, fill_call, fill_class, unfilled
from porter.rewrite.expressions.function_values import function_value
from porter.rewrite.expressions.precedence import with_guarded_value, with_parentheses, with_sides
from porter.rewrite.reading.filling import calls_in
from porter.rewrite.reading.liveness import is_value_read
from porter.rewrite.reading.source import LocalFunction
from porter.rewrite.statements.asked_sizes import asked_for_truth, chosen, counted, port_comparison
from porter.rewrite.statements.folding import flattened, fold_boolean, fold_comparison, fold_if
from porter.rewrite.statements.lines import placed, port_annotated, port_line, port_suite
from porter.rewrite.statements.loops_as_operations import port_comprehension, port_list_call, port_loop
from porter.rewrite.statements.unpacked import rows_apart, rows_given
from porter.rulebook import find_rule
from porter.rulebook.call import code_of
from porter.rulebook.results import Drop, Nothing, Text

_DRAWN_ANYWAY = "layers start as PyTorch's own layers and transformers' models do."


class Porter(cst.CSTTransformer):
    """Rewrites a PyTorch modeling file; imports and the header are left to `assemble`."""

    def __init__(self, context: Context) -> None:
        self.context = replace(context, walk=self)
        self._written: dict[cst.CSTNode, cst.BaseExpression] = {}
        self._answers: dict[cst.CSTNode, Text | Drop] = {}
        self._with_build: set[str] = set()
        self._unfilled: set[str] = set()

    def ported(self, original: cst.BaseExpression) -> cst.BaseExpression:
        """The port of an original expression, wherever it stands; each is written once."""
        if original not in self._written:
            ported = original.visit(self)
            assert isinstance(ported, cst.BaseExpression)
            return ported
        return self._written[original]

    def has_build(self, class_name: str) -> bool:
        """Whether a class that was written so far has a `build`."""
        return class_name in self._with_build

    def is_left_out(self, own_name: str) -> bool:
        """Whether a function that fills weights was left out so far."""
        return own_name in self._unfilled

    def on_visit(self, node: cst.CSTNode) -> bool:
        """A declared form comes first; what it does not take over of a node is never looked at."""
        answer = declared(self.context, node) if isinstance(node, FORMED) else None
        if answer is None:
            return super().on_visit(node)
        self._answers[node] = answer
        return False

    def on_leave(  # type: ignore[override]  # LibCST overloads it for its own sake
        self, original_node: cst.CSTNode, updated_node: cst.CSTNode
    ) -> cst.CSTNode | cst.RemovalSentinel | cst.FlattenSentinel[cst.CSTNode]:
        """What each expression became is kept for those who ask for it later."""
        if not isinstance(original_node, cst.BaseExpression):
            return super().on_leave(original_node, updated_node)
        answer = self._answers.get(original_node)
        written = super().on_leave(original_node, updated_node) if answer is None else expression_of(answer)
        if isinstance(written, cst.BaseExpression):
            self._written[original_node] = written
        return written

    # names

    def visit_Import(self, node: cst.Import) -> bool:
        """Imports are made anew by `assemble`."""
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        """Imports are made anew by `assemble`."""
        return False

    def visit_Decorator(self, node: cst.Decorator) -> bool:
        """Decorators are ported with the function they stand on."""
        return False

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        """Names of classes, activations and torch's constants; parameters that Keras keeps for itself."""
        function = self.context.source.enclosing(original_node)
        is_read = is_value_read(self.context.source, original_node)
        if original_node.value == "device" and function is not None and is_read:
            return cst.Name("None") if "device" in self.context.source.assigned(function) else updated_node
        if function is not None and original_node.value in function.parameters:
            return cst.Name(ported_parameter(function, original_node.value))
        found = fill_class(self.context, original_node) or port_class_name(self.context, original_node)
        if found is not None:
            return found
        name = self.context.source.canonical(original_node)
        if name is not None and name.startswith("transformers.activations.") and self._is_activation(original_node):
            return cst.parse_expression(f'get_tf_activation("{original_node.value}")')
        if name == "torch.nn.utils.init.skip_init" and not self._is_called(original_node):
            return cst.parse_expression("lambda layer, *args, **kwargs: layer(*args, **kwargs)")
        is_layer = name is not None and name.startswith("torch.nn.") and not self._is_called(original_node)
        layer = layer_value(self.context, original_node, name) if is_layer and name is not None else None
        if layer is not None:
            return layer
        rule = find_rule(name) if name is not None and name.startswith("torch.") else None
        if rule is not None and not rule.signatures[0].is_call and isinstance(rule.to, str):
            return cst.parse_expression(rule.to)
        if rule is not None and name is not None and is_read and not self._is_called(original_node):
            return function_value(self.context, original_node, name, rule) or updated_node
        return updated_node

    def _is_activation(self, node: cst.Name) -> bool:
        """Whether a name is that of an activation itself: `gelu_new`, not the class of one."""
        from transformers.activations import ACT2CLS

        return node.value in ACT2CLS and not inspect.isclass(self.context.source.resolve(node))

    def _is_called(self, node: cst.Name) -> bool:
        parent = self.context.source.parents.get(node)
        return isinstance(parent, cst.Call) and parent.func is node

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        """A keyword is not a name."""
        return updated_node.with_changes(keyword=original_node.keyword)

    def leave_Param(self, original_node: cst.Param, updated_node: cst.Param) -> cst.Param:
        """A parameter is renamed with its function."""
        return updated_node.with_changes(name=original_node.name)

    def visit_Annotation(self, node: cst.Annotation) -> bool:
        """Annotations are ported as a whole."""
        return False

    def leave_Annotation(  # type: ignore[override]  # LibCST forgets that an annotation may go
        self, original_node: cst.Annotation, updated_node: cst.Annotation
    ) -> cst.Annotation | cst.RemovalSentinel:
        """An annotation in TensorFlow's types."""
        kept = updated_node if isinstance(self.context.source.parents[original_node], cst.AnnAssign) else None
        return kept or port_annotation(self.context, original_node) or cst.RemoveFromParent()

    def leave_AnnAssign(
        self, original_node: cst.AnnAssign, updated_node: cst.AnnAssign
    ) -> cst.BaseSmallStatement | cst.RemovalSentinel:
        """An annotated assignment, without an annotation that says nothing in TensorFlow."""
        return port_annotated(self.context, original_node, updated_node)

    # expressions

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:
        """An attribute, by rule or card."""
        variable = self.context.recomputed.variables.get(original_node)
        if variable is not None:
            return cst.Name(variable)
        filled = fill_attribute(self.context, original_node, updated_node)
        if filled is not None:
            return filled
        return with_guarded_value(translate_attribute(self.context, original_node, updated_node))

    def leave_ListComp(self, original_node: cst.ListComp, updated_node: cst.ListComp) -> cst.BaseExpression:
        """A list of what each piece of a tensor gives, as one operation where a graph needs that."""
        return port_comprehension(self.context, original_node, updated_node)

    def leave_CompFor(self, original_node: cst.CompFor, updated_node: cst.CompFor) -> cst.CompFor:
        """What a comprehension runs over; a tensor's rows come apart first."""
        if self.context.source.in_constructor(original_node):
            return updated_node  # no graph runs it
        return updated_node.with_changes(iter=rows_apart(self.context, original_node, updated_node.iter))

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        """A call, by rule, card or flow."""
        filled = fill_call(self.context, original_node, updated_node)
        if filled is not None:
            return filled
        planned = port_list_call(self.context, original_node, updated_node)
        based = port_base_call(self.context, original_node, updated_node) if planned is None else planned
        ported = translate_call(self.context, original_node, updated_node) if based is None else based
        if isinstance(ported, Nothing) and is_kept_context(self.context, original_node):
            return cst.parse_expression("contextlib.nullcontext()")
        return rows_given(self.context, original_node, self.context.own_call(original_node, ported))

    def leave_Subscript(self, original_node: cst.Subscript, updated_node: cst.Subscript) -> cst.BaseExpression:
        """An indexed tensor."""
        variable = self.context.recomputed.variables.get(original_node)
        if variable is not None:
            return cst.Name(variable)
        if self.context.fills_at(original_node) or self._is_target(original_node):
            return updated_node
        return read_subscript(self.context, original_node, updated_node)

    def _is_target(self, node: cst.Subscript) -> bool:
        parent = self.context.source.parents.get(node)
        return isinstance(parent, (cst.AssignTarget, cst.AugAssign)) and parent.target is node

    def leave_BinaryOperation(
        self, original_node: cst.BinaryOperation, updated_node: cst.BinaryOperation
    ) -> cst.BaseExpression:
        """An operation, its operands promoted as PyTorch does."""
        updated_node = counted(self.context, original_node, updated_node)
        return arithmetic.binary(self.context, original_node, with_parentheses(updated_node))

    def leave_Comparison(self, original_node: cst.Comparison, updated_node: cst.Comparison) -> cst.BaseExpression:
        """A comparison, its operands promoted as PyTorch does."""
        ported = arithmetic.comparison(self.context, original_node, with_parentheses(updated_node))
        return fold_comparison(original_node, port_comparison(self.context, original_node, ported))

    def leave_AugAssign(self, original_node: cst.AugAssign, updated_node: cst.AugAssign) -> cst.AugAssign:
        """`x += y`; of a subscript in `port_statement`."""
        if isinstance(original_node.target, cst.Subscript) or self.context.fills_at(original_node):
            return updated_node
        return arithmetic.augmented(self.context, original_node, updated_node)

    def leave_BooleanOperation(
        self, original_node: cst.BooleanOperation, updated_node: cst.BooleanOperation
    ) -> cst.BaseExpression:
        """`and` and `or` of what is known, or of one and the same."""
        if self.context.fills_at(original_node) and updated_node.left.deep_equals(updated_node.right):
            return updated_node.right
        return chosen(self.context, original_node, updated_node) or fold_boolean(with_parentheses(updated_node))

    def leave_UnaryOperation(
        self, original_node: cst.UnaryOperation, updated_node: cst.UnaryOperation
    ) -> cst.BaseExpression:
        """`not` of what is known."""
        opposite = {"False": "True", "True": "False"}.get(code_of(updated_node.expression))
        if isinstance(updated_node.operator, cst.Not) and opposite is not None:
            return cst.Name(opposite)
        return with_parentheses(updated_node)

    def leave_IfExp(self, original_node: cst.IfExp, updated_node: cst.IfExp) -> cst.BaseExpression:
        """A conditional expression whose condition may be known."""
        note_eager_branch(self.context, original_node.test)
        asked = asked_for_truth(self.context, original_node.test, updated_node.test)
        updated_node = updated_node.with_changes(test=asked)
        if m.matches(updated_node.test, m.Name("False")):
            return updated_node.orelse
        same = updated_node.body.deep_equals(updated_node.orelse)  # such as `x.clone() if is_tensor(x) else x`
        return updated_node.body if same or m.matches(updated_node.test, m.Name("True")) else with_sides(updated_node)

    # statements

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
        """A line, marked with the line it was written from."""
        return port_line(self.context, original_node, updated_node, self._answers)

    def leave_SimpleStatementSuite(
        self, original_node: cst.SimpleStatementSuite, updated_node: cst.SimpleStatementSuite
    ) -> cst.BaseSuite:
        """What stands behind a colon."""
        return port_suite(self.context, original_node, updated_node, self._answers)

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        """A block that lost all its statements still needs one."""
        if updated_node.body:
            return updated_node
        return updated_node.with_changes(body=[cst.parse_statement("pass")])

    def leave_If(  # type: ignore[override]  # an elif may become an else
        self, original_node: cst.If, updated_node: cst.If
    ) -> cst.BaseStatement | cst.Else | cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
        """An `if` whose condition may be known."""
        answer = self._answers.get(original_node)
        if answer is not None:
            return placed(answer, updated_node.leading_lines)
        remark = self.context.recomputed.remark(original_node)
        if remark is not None:
            self.context.note(original_node, "assumed", remark)
            always = original_node in self.context.recomputed.branches
            return flattened(updated_node.body, updated_node.leading_lines) if always else cst.RemoveFromParent()
        note_eager_branch(self.context, original_node.test)
        asked = asked_for_truth(self.context, original_node.test, updated_node.test)
        updated_node = updated_node.with_changes(test=asked)
        never = {"False": original_node.body, "True": original_node.orelse}.get(code_of(updated_node.test))
        if never is not None:
            self.context.forget(never)
        above = self.context.source.parents.get(original_node)
        return fold_if(updated_node, is_elif=isinstance(above, cst.If) and above.orelse is original_node)

    def leave_Assert(self, original_node: cst.Assert, updated_node: cst.Assert) -> cst.Assert:
        """What a graph does not know passes an `assert`."""
        return updated_node.with_changes(test=asked_for_truth(self.context, original_node.test, updated_node.test))

    def leave_For(
        self, original_node: cst.For, updated_node: cst.For
    ) -> cst.For | cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
        """A loop over a tensor's rows is one operation."""
        answer = self._answers.get(original_node)
        if answer is not None:
            return placed(answer, updated_node.leading_lines)
        return port_loop(self.context, original_node, updated_node)

    def leave_With(
        self, original_node: cst.With, updated_node: cst.With
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
        """Contexts that a rule turns into None (autocast, no_grad) leave their block."""
        items = [item for item in updated_node.items if not isinstance(item.item, Nothing)]
        if items:
            items[-1] = items[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
            return updated_node.with_changes(items=items)
        return flattened(updated_node.body, updated_node.leading_lines)

    # definitions

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        """Methods without a place in the port are not looked at."""
        return without_place(self.context, node) is None

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef | cst.RemovalSentinel:
        """A function or method under its new signature."""
        updated_node = updated_node.with_changes(name=original_node.name)
        reason = without_place(self.context, original_node)
        if reason is not None:
            name = self._qualified(original_node)
            if reason:
                self.context.note(original_node, "assumed", f"{name} is not ported: {reason}.")
            return cst.RemoveFromParent()
        function = self.context.source.defined_by(original_node)
        if function is None:
            return updated_node
        ported = port_function(self.context, function, updated_node)
        reason = self._unfilled_because(function, ported)
        if reason is not None:
            self._unfilled.add(function.own_name)
            self.context.forget(original_node)
            self.context.note(original_node, "assumed", f"{function.name} is not ported, {reason}: {_DRAWN_ANYWAY}")
            return cst.RemoveFromParent()
        ported = ported.with_changes(leading_lines=port_copied_from(self.context, original_node, ported.leading_lines))
        return ported.with_changes(body=port_docstring_statement(self.context, ported.body))

    def _unfilled_because(self, function: LocalFunction, ported: cst.FunctionDef) -> str | None:
        """Why a function that gives weights their initial values is left out; None for what is ported."""
        if function.name not in self.context.filling:
            return None
        lost = self._unfilled.intersection(calls_in(self.context.source, function.node)) - {function.own_name}
        if lost:
            return f"nor is {min(lost)}, which it calls"
        return unfilled(self.context, function.node, ported)

    def _qualified(self, node: cst.FunctionDef) -> str:
        owner = self.context.source.enclosing_class(node)
        return f"{owner}.{node.name.value}" if owner else node.name.value

    def leave_ClassDef(
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        """A class, or the two that a model with heads becomes."""
        local = self.context.source.classes.get(original_node.name.value)
        if local is None or local.node is not original_node:
            return updated_node.with_changes(name=original_node.name)
        updated_node = updated_node.with_changes(
            leading_lines=port_copied_from(self.context, original_node, updated_node.leading_lines)
        )
        ported = port_class(self.context, local, updated_node)
        written = ported if isinstance(ported, cst.FlattenSentinel) else [ported]
        if any(m.findall(each, m.FunctionDef(name=m.Name("build"))) for each in written):
            self._with_build.add(local.name)
        return ported
