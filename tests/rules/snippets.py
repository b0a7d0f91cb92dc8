"""A case's PyTorch text, its facts taken by evaluating every expression, and its TensorFlow text."""

from __future__ import annotations

import math
import warnings
from collections import OrderedDict
from typing import Any

import einops
import libcst as cst
import numpy as np
import torch

from porter.facts import Fact
from porter.facts.canonical import canonical
from porter.rulebook import Call, bind, find_card, find_rule
from porter.rulebook.call import Arg, code_of
from porter.rulebook.signature import Bound
from porter.rulebook.subscripts import Index, part_of_pair, subscript
from porter.rulebook.template import fill, translate
from porter.trace.describe import Describer
from tests.rules.samples import samples


def torch_names() -> dict[str, Any]:
    """What a snippet in PyTorch may name."""
    from transformers import (
        BertConfig,
        activations,
        image_transforms,
        modeling_attn_mask_utils,
        modeling_flash_attention_utils,
        vision_utils,
    )
    from transformers.activations import get_activation
    from transformers.pytorch_utils import Conv1D, apply_chunking_to_forward
    from transformers.utils import import_utils, requires_backends
    from transformers.utils.generic import get_max_seqlen, torch_int

    tensors = {name: torch.from_numpy(array.copy()) for name, array in samples().items()}
    return {
        "torch": torch,
        "np": np,
        "F": torch.nn.functional,
        "nn": torch.nn,
        "OrderedDict": OrderedDict,
        "Conv1D": Conv1D,
        "apply_chunking_to_forward": apply_chunking_to_forward,
        "activations": activations,
        "flash": modeling_flash_attention_utils,
        "linear": torch.nn.Linear(4, 3),
        "einops": einops,
        "normed": _normed(),
        "get_activation": get_activation,
        "get_max_seqlen": get_max_seqlen,
        "torch_int": torch_int,
        "import_utils": import_utils,
        "requires_backends": requires_backends,
        "modeling_attn_mask_utils": modeling_attn_mask_utils,
        "vision_utils": vision_utils,
        "image_transforms": image_transforms,
        "eager_config": BertConfig(attn_implementation="eager"),
        "forward_fn": _exp,
        "math": math,
        "mode": "tanh",
        **tensors,
    }


def _normed() -> torch.nn.Module:
    """A convolution whose weight is in two parts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return torch.nn.utils.weight_norm(torch.nn.Conv1d(4, 6, 3))


def _exp(tensor: torch.Tensor) -> torch.Tensor:
    """A plain function that is handed over."""
    return torch.exp(tensor)


def rewritten(snippet: str) -> str:
    """The snippet in TensorFlow."""
    module = cst.parse_module(snippet)
    statement = module.visit(Rewriter(torch_names()))
    return statement.code.strip()


class Rewriter(cst.CSTTransformer):
    """Bottom up, with the facts of the one evaluation."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names
        self.describer = Describer(())

    def value(self, node: cst.BaseExpression) -> Any:
        return eval(code_of(node), dict(self.names))  # the snippets are this project's own

    def fact(self, node: cst.BaseExpression) -> Fact | None:
        if isinstance(node, (cst.Name, cst.Attribute)) and code_of(node) in ("forward_fn",):
            return None
        return self.describer.fact(self.value(node))

    def arg(self, original: cst.BaseExpression, updated: cst.BaseExpression, star: str = "") -> Arg:
        return Arg(updated, original, self.fact(original), starred=star == "*")

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:  # noqa: N802  # LibCST calls it so
        return updated_node.with_changes(keyword=original_node.keyword)

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:  # noqa: N802  # LibCST calls it so
        updated_node = updated_node.with_changes(attr=original_node.attr)
        reduced = part_of_pair(code_of(updated_node.value), original_node.attr.value)
        if reduced is not None:
            return cst.parse_expression(reduced)
        text = code_of(original_node)
        owner = self.value(original_node.value)
        if isinstance(owner, torch.Tensor):
            found = find_rule(f"torch.Tensor.{original_node.attr.value}")
            signature = found and next(
                (s for s in found.signatures if s.name.endswith(f".{text.split('.')[-1]}")), None
            )
            if found is None or signature is None or signature.is_call:
                return updated_node
            bound = bind(signature, [self.arg(original_node.value, updated_node.value)], {})
            return translate(found, Call(signature, bound, self.fact(original_node)))
        if isinstance(owner, (torch.device, torch.finfo)):
            found = find_rule(f"{canonical(owner)}.{original_node.attr.value}")
            if found is None:
                return updated_node
            bound = Bound({"input": self.arg(original_node.value, updated_node.value)})
            return translate(found, Call(found.signatures[0], bound, self.fact(original_node)))
        constant = find_rule(text) if text.startswith("torch.") else None
        if constant is not None and not constant.signatures[0].is_call:
            return cst.parse_expression(str(constant.to))
        return updated_node

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:  # noqa: N802  # LibCST calls it so
        name = canonical(self.value(original_node.func))
        card = find_card(name)
        declared = find_rule(name) or card
        if declared is None:
            return updated_node
        signature = next((s for s in declared.signatures if s.name == name), declared.signatures[0])
        positional: list[Arg] = []
        keywords: dict[str, Arg] = {}
        if signature.is_method:
            positional.append(self.arg(original_node.func.value, updated_node.func.value))
        for before, after in zip(original_node.args, updated_node.args, strict=True):
            argument = self.arg(before.value, after.value, before.star)
            if before.keyword is None:
                positional.append(argument)
            elif before.keyword.value != "device" or signature.parameter("device"):
                keywords[before.keyword.value] = argument
        result = None if card is not None else self.fact(original_node)
        return translate(declared, Call(signature, bind(signature, positional, keywords), result))

    def leave_Subscript(self, original_node: cst.Subscript, updated_node: cst.Subscript) -> cst.BaseExpression:  # noqa: N802  # LibCST calls it so
        if not isinstance(self.value(original_node.value), (torch.Tensor, tuple)):
            return updated_node
        code = subscript(
            self.arg(original_node.value, updated_node.value),
            self.indices(original_node, updated_node),
            self.fact(original_node),
        )
        return updated_node if code is None else cst.parse_expression(code)

    def indices(self, original: cst.Subscript, updated: cst.Subscript) -> list[Index]:
        found = []
        for before, after in zip(original.slice, updated.slice, strict=True):
            fact = self.fact(before.slice.value) if isinstance(before.slice, cst.Index) else None
            found.append(Index(after.slice, before.slice, fact))
        return found


def build_shape(snippet: str) -> str | None:
    """The input shape with which a card builds the layer of this constructor."""
    names = torch_names()
    call = cst.parse_expression(snippet)
    assert isinstance(call, cst.Call)
    name = canonical(eval(code_of(call.func), dict(names)))
    card = find_card(name)
    assert card is not None
    if not card.build:
        return None
    rewriter = Rewriter(names)
    signature = next(s for s in card.signatures if s.name == name)
    positional = [rewriter.arg(a.value, a.value) for a in call.args if a.keyword is None]
    keywords = {a.keyword.value: rewriter.arg(a.value, a.value) for a in call.args if a.keyword is not None}
    return code_of(fill(card.build, Call(signature, bind(signature, positional, keywords), None)))
