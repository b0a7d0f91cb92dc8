"""Operators: TensorFlow does not promote dtypes, so what PyTorch promotes is cast where it happens."""

from __future__ import annotations

from dataclasses import replace

import libcst as cst
import libcst.matchers as m

from porter.facts import Fact
from porter.facts.promotion import float_of_several, promoted_dtype
from porter.rewrite.context import Context
from porter.rewrite.reading.dtype_source import dtype_source
from porter.rewrite.reading.full_precision import is_full_precision
from porter.rulebook.call import code_of
from porter.rulebook.template import parenthesised

_SHAPE = m.Call(func=m.Name("shape_list"))
_CAST = m.Call(func=m.Attribute(value=m.Name("tf"), attr=m.Name("cast")))


def binary(context: Context, original: cst.BinaryOperation, updated: cst.BinaryOperation) -> cst.BaseExpression:
    """A binary operation whose tensor operands have the dtype that PyTorch promotes to."""
    left, right = _fact(context, original.left), _fact(context, original.right)
    if isinstance(original.operator, cst.Add) and (_is_shape(left) or _is_shape(right)):
        return _joined_shapes(updated)
    if isinstance(original.operator, (cst.BitAnd, cst.BitOr, cst.BitXor)) and not _of_two_types(left, right):
        return updated
    if not (_tensor(left) or _tensor(right)):
        return _of_size_and_float(context, original, updated)
    wanted = _wanted(context.knowledge.traced(original), left, right)
    if wanted is None or (isinstance(original.operator, cst.Power) and _weak_power(left, right)):
        return updated
    first, other = (original.left, updated.left), (original.right, updated.right)
    ported = updated.with_changes(
        left=_as(context, first, wanted, _reference(context, other, wanted)),
        right=_as(context, other, wanted, _reference(context, first, wanted)),
    )
    both = left is not None and right is not None and left.dtype == right.dtype == "float32"
    return _in_full_precision(context, original, ported) if both else ported


def _of_size_and_float(
    context: Context, original: cst.BinaryOperation, updated: cst.BinaryOperation
) -> cst.BinaryOperation:
    """The operation of numbers, one of which may be a size that a graph does not know, the other a float."""
    if context.source.in_constructor(original):
        return updated
    for side, other in (("left", "right"), ("right", "left")):
        size, number = getattr(original, side), context.fact(getattr(original, other))
        fact = context.fact(size)
        meets_float = number is not None and number.only("float")
        is_int = fact is not None and fact.only("int", "float") and "int" in fact.kinds
        if meets_float and is_int and _may_be_unknown(context, original, size):
            cast = cst.parse_expression(f"{context.runtime_name('as_float')}({code_of(getattr(updated, side))})")
            return updated.with_changes(**{side: cast})
    return updated


def _may_be_unknown(context: Context, operation: cst.BinaryOperation, size: cst.BaseExpression) -> bool:
    """Whether a graph may not know a size.

    Powers are of widths nearly always: those alone count that varied, and what a method was given, which may be
    computed from a size elsewhere.
    """
    if not isinstance(operation.operator, cst.Power):
        return context.knowledge.may_be_unknown(size)
    method = context.source.enclosing(operation)
    is_given = method is not None and method.class_name is not None and code_of(size) in method.parameters
    return is_given or context.knowledge.varies(size)


def _in_full_precision(
    context: Context, original: cst.BinaryOperation, ported: cst.BinaryOperation
) -> cst.BinaryOperation:
    """The operation where the code has made one operand float32: in half precision PyTorch promotes the other."""
    left = is_full_precision(context.knowledge, original.left)
    right = is_full_precision(context.knowledge, original.right)
    if left == right:
        return ported
    side = "right" if left else "left"
    cast = cst.parse_expression(f"tf.cast({code_of(getattr(ported, side))}, tf.float32)")
    return ported.with_changes(**{side: cast})


def _fact(context: Context, node: cst.BaseExpression) -> Fact | None:
    """What is known of an operand; a number computed from a size is not sure, though all runs gave the same."""
    fact = context.fact(node)
    if fact is None or not (fact.only("int") and fact.has_value):
        return fact
    is_size = isinstance(node, (cst.Subscript, cst.Call)) and context.knowledge.may_be_unknown(node)
    is_varied = isinstance(node, cst.Name) and context.knowledge.varies(node)
    return replace(fact, has_value=False, value=None) if is_size or is_varied else fact


def augmented(context: Context, original: cst.AugAssign, updated: cst.AugAssign) -> cst.AugAssign:
    """`x += y` where y has another dtype than x: PyTorch keeps x's."""
    whole, ported = original.target, updated.target
    while isinstance(whole, cst.Subscript) and isinstance(ported, cst.Subscript):
        whole, ported = whole.value, ported.value  # type: ignore[assignment]  # a part has the dtype of the whole
    target = context.fact(whole)
    if not _tensor(target) or target is None or target.dtype is None:
        return updated
    reference = f"{code_of(ported)}.dtype"
    return updated.with_changes(value=_as(context, (original.value, updated.value), target.dtype, reference))


def comparison(context: Context, original: cst.Comparison, updated: cst.Comparison) -> cst.BaseExpression:
    """A comparison of tensors brought to one dtype."""
    if len(original.comparisons) != 1:
        return updated
    target = original.comparisons[0]
    if not isinstance(
        target.operator,
        (cst.Equal, cst.NotEqual, cst.LessThan, cst.LessThanEqual, cst.GreaterThan, cst.GreaterThanEqual),
    ):
        return updated
    left, right = context.fact(original.left), context.fact(target.comparator)
    shapes = _is_shape(left) or _is_shape(right) or m.matches(updated.left, _SHAPE)
    shapes = shapes or (_lists_sizes(context, original.left) and _lists_sizes(context, target.comparator))
    if shapes and isinstance(target.operator, (cst.Equal, cst.NotEqual)):
        same = f"same_shape({code_of(updated.left)}, {code_of(updated.comparisons[0].comparator)})"
        return cst.parse_expression(same if isinstance(target.operator, cst.Equal) else f"not {same}")
    if not (_tensor(left) or _tensor(right)):
        return updated
    wanted = promoted_dtype((left, right)) or float_of_several((left, right))
    if wanted is None:
        return updated
    new = updated.comparisons[0]
    first, other = (original.left, updated.left), (target.comparator, new.comparator)
    return updated.with_changes(
        left=_as(context, first, wanted, _reference(context, other, wanted)),
        comparisons=[new.with_changes(comparator=_as(context, other, wanted, _reference(context, first, wanted)))],
    )


def _of_two_types(left: Fact | None, right: Fact | None) -> bool:
    """Whether both are tensors, of dtypes that are not the same: `flags & bytes`."""
    if left is None or right is None or not (left.is_tensor and right.is_tensor):
        return False
    return None not in (left.dtype, right.dtype) and left.dtype != right.dtype


def _wanted(result: Fact | None, left: Fact | None, right: Fact | None) -> str | None:
    if result is not None and result.is_tensor and result.dtype is not None:
        return result.dtype
    return promoted_dtype((left, right)) or float_of_several((left, right))


Pair = tuple[cst.BaseExpression, cst.BaseExpression]
"""An operand in PyTorch and in the port."""


def _as(context: Context, operand: Pair, wanted: str, reference: str) -> cst.BaseExpression:
    """The operand cast to the wanted dtype, if it is a tensor of another, or a number of a size that may be one.

    A tensor that had several dtypes in the runs is cast too: a mask that is made of ones where none is given.
    """
    original, ported = operand
    fact = _fact(context, original)
    if fact is None:
        return ported
    differs = fact.dtype is None and context.knowledge.traced(original) is not None
    is_other = fact.is_tensor and (differs or fact.dtype not in (None, wanted))
    is_size = fact.only("int") and not fact.has_value and wanted != "int64"
    is_of_size = fact.only("float") and not m.matches(ported, _CAST) and context.knowledge.counts_with_size(original)
    if is_other or is_size or is_of_size:
        return cst.parse_expression(f"tf.cast({code_of(ported)}, {reference})")
    return ported


def _reference(context: Context, operand: Pair, wanted: str) -> str:
    """How to say the wanted dtype: by the other operand, or a variable that it is computed from, where that has it."""
    original, ported = operand
    fact = context.fact(original)
    if fact is None or not fact.is_tensor or fact.dtype != wanted:
        return f"tf.{wanted}"
    if isinstance(ported, (cst.Name, cst.Attribute)):
        return f"{code_of(ported)}.dtype"
    source = dtype_source(context.knowledge, original, wanted) if "float" in wanted else None
    return f"{source.value}.dtype" if source else f"tf.{wanted}"


def _joined_shapes(updated: cst.BinaryOperation) -> cst.BaseExpression:
    """Sizes are lists in TensorFlow: `a + b` of shapes and tuples is written out."""
    parts = [part for part in map(_starred, (updated.left, updated.right)) if part]
    return cst.parse_expression(f"({', '.join(parts)}{',' if len(parts) == 1 else ''})")


def _starred(node: cst.BaseExpression) -> str:
    if isinstance(node, cst.Tuple) and not any(isinstance(e, cst.StarredElement) for e in node.elements):
        return ", ".join(code_of(element.value) for element in node.elements)
    if isinstance(node, cst.Tuple):
        return code_of(node.with_changes(lpar=[], rpar=[])).rstrip().rstrip(",")
    return f"*{code_of(parenthesised(node))}"


def _is_shape(fact: Fact | None) -> bool:
    return fact is not None and fact.only("shape")


def _lists_sizes(context: Context, node: cst.BaseExpression) -> bool:
    """Whether it is a list or a tuple of numbers in a method's body, `list(x.shape)`, `[batch, 2 * length]`."""
    fact = context.fact(node)
    is_list = fact is not None and fact.only("list", "tuple") and not context.source.in_constructor(node)
    return is_list and fact is not None and all(item.only("int") for item in fact.items or (Fact(),))


def _tensor(fact: Fact | None) -> bool:
    return fact is not None and fact.is_tensor


def _weak_power(left: Fact | None, right: Fact | None) -> bool:
    """`x ** 2` of a float tensor needs no cast: a python exponent takes the base's dtype."""
    base_is_float = left is not None and left.is_tensor and "float" in (left.dtype or "")
    return base_is_float and right is not None and not right.is_tensor
