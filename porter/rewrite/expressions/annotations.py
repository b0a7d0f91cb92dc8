"""Annotations and docstrings: PyTorch's types under TensorFlow's names, the file's classes under their new ones."""

from __future__ import annotations

import re

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context, tf_name
from porter.rewrite.expressions.examples import with_own_imports
from porter.rulebook.call import code_of

_TYPES = {
    "torch.nn.Module": "keras.layers.Layer",
    "torch.nn.ModuleList": "list",
    "torch.device": "str",
    "torch.dtype": "tf.DType",
    "torch.Size": "list",
    "torch.Generator": "object",
    "transformers.configuration_utils.PreTrainedConfig": "object",
}
_TENSOR = re.compile(r"torch\.(Float|Long|Bool|Int|Byte|Half|Double)?[Tt]ensor\b")


def port_annotation(context: Context, node: cst.Annotation) -> cst.Annotation | None:
    """The annotation in TensorFlow's types; None where it says nothing there."""
    code = code_of(node.annotation)
    if "Unpack[" in code:
        return None
    new = node.annotation.visit(_TypeNames(context))
    assert isinstance(new, cst.BaseExpression)
    if "torch" in code_of(new) or "nn." in code_of(new):
        return None
    return node.with_changes(annotation=new)


class _TypeNames(cst.CSTTransformer):
    def __init__(self, context: Context) -> None:
        self.context = context

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:
        name = self.context.source.canonical(original_node) or code_of(original_node)
        if _TENSOR.fullmatch(name) or _TENSOR.fullmatch(code_of(original_node)):
            return cst.parse_expression("tf.Tensor")
        return cst.parse_expression(_TYPES[name]) if name in _TYPES else updated_node

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        return port_class_name(self.context, original_node) or self._typed(original_node, updated_node)

    def _typed(self, original: cst.Name, updated: cst.Name) -> cst.BaseExpression:
        if isinstance(self.context.source.parents.get(original), cst.Attribute):
            return updated
        name = self.context.source.canonical(original) or ""
        if _TENSOR.fullmatch(name):
            return cst.parse_expression("tf.Tensor")
        return cst.parse_expression(_TYPES[name]) if name in _TYPES else updated

    def leave_SimpleString(self, original_node: cst.SimpleString, updated_node: cst.SimpleString) -> cst.SimpleString:
        text = original_node.value.strip("\"'")
        local = self.context.source.classes.get(text)
        renamed = local is not None and local.kind != "plain"
        return updated_node.with_changes(value=f'"{tf_name(text)}"') if renamed else updated_node


def port_class_name(context: Context, node: cst.Name) -> cst.Name | None:
    """The new name of a class of the file, or of an output class of transformers, read as a value."""
    local = context.source.classes.get(node.value)
    if local is not None and local.kind != "plain":
        return cst.Name(tf_name(node.value))
    name = context.source.canonical(node)
    if name is not None and name in context.knowledge.nested:
        return cst.Name(context.knowledge.nested[name].layer)
    if name is not None and name.startswith("transformers."):
        bare = name.rpartition(".")[2]
        if name.startswith("transformers.modeling_outputs.") or tf_name(bare) in context.runtime:
            return cst.Name(tf_name(bare))
    return None


def port_docstring(context: Context, text: str) -> str:
    """A docstring with TensorFlow's tensor type and the port's class names."""
    text = _TENSOR.sub("tf.Tensor", text)
    text = text.replace('return_tensors="pt"', 'return_tensors="np"').replace(
        "import torch\n", "import tensorflow as tf\n"
    )
    names = [name for name, local in context.source.classes.items() if local.kind in ("model", "layer", "output")]
    if not names:
        return text
    # what a hyphen joins to something else is a word of prose, such as GPT-2 where a class is called GPT
    text = re.sub(rf"(?<![\w.-])({'|'.join(map(re.escape, names))})(?![\w-])", lambda found: tf_name(found[1]), text)
    return with_own_imports(text, context.module, {tf_name(name) for name in names})


def port_docstring_statement(context: Context, body: cst.BaseSuite) -> cst.BaseSuite:
    """A block whose docstring, if it has one, is ported."""
    if not isinstance(body, cst.IndentedBlock) or not body.body:
        return body
    pattern = m.SimpleStatementLine(body=[m.Expr(value=m.SimpleString())])
    if not m.matches(body.body[0], pattern):
        return body
    line = body.body[0]
    assert isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], cst.Expr)
    string = line.body[0].value
    assert isinstance(string, cst.SimpleString)
    new = string.with_changes(value=port_docstring(context, string.value))
    return body.with_changes(body=[line.with_changes(body=[cst.Expr(new)]), *body.body[1:]])
