"""Class definitions: Keras bases, TensorFlow names, the main layer, and the attributes worth keeping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context, tf_name
from porter.rewrite.definitions.build import build_method
from porter.rewrite.definitions.checkpoints import checkpoint_attributes
from porter.rewrite.definitions.fill_weights import fill_method
from porter.rewrite.definitions.functions import is_own_decorator
from porter.rewrite.definitions.main_layer_class import split_main_layer
from porter.rewrite.definitions.parameters import Weights, move_weights
from porter.rewrite.expressions.annotations import port_docstring_statement
from porter.rewrite.reading.main_layer import main_layer_name
from porter.rewrite.reading.scope import kept_as
from porter.rewrite.reading.source import LocalClass
from porter.rulebook import find_card
from porter.rulebook.call import code_of

_FUNCTIONS = ("torch.autograd.Function", "torch.autograd.function.Function")
BASES = {"torch.nn.ModuleList": "LayerList", "torch.nn.ModuleDict": "LayerDict", "torch.nn.Embedding": "Embedding"}

_DROPPED_PREFIXES = (
    "_supports", "supports_", "_no_split", "_skip_keys", "_tp_plan", "_pp_plan", "_fsdp", "_ep_plan", "_can_compile",
    "_keep_in_fp32", "_is_stateful", "accepts_loss_kwargs", "_keys_to_ignore_on_save", "_compatible_flash",
    "is_parallel", "_checkpoint_conversion", "_auto_class", "config:",
    "_supported_generation_modes", "load_tf_weights",
)  # fmt: skip


def port_class(
    context: Context, local: LocalClass, updated: cst.ClassDef
) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
    """The class in TensorFlow; a model held by its heads comes as its main layer and a thin model around it."""
    if local.kind == "plain":
        return _plain_class(context, local, updated)
    if local.kind == "output":
        return _output_class(context, local, updated)
    ported = _with_build(context, local, _layer_class(context, local, updated))
    main = main_layer_name(context.knowledge, local.name)
    return ported if main is None else split_main_layer(context, local, ported, main)


def _plain_class(context: Context, local: LocalClass, updated: cst.ClassDef) -> cst.ClassDef:
    """A class that is not a layer; one with a gradient of its own stands on porter.runtime's base for these."""
    bases = list(zip(local.node.bases, updated.bases, strict=True))
    own = [context.source.canonical(original.value) in _FUNCTIONS for original, _ in bases]
    if any(own):
        message = f"the gradient of {local.name} was ported, too; the test beside the port compares it, not this run."
        context.note(local.node, "assumed", message)
    ported = [_base("TFFunction") if is_own else new for is_own, (_, new) in zip(own, bases, strict=True)]
    return updated.with_changes(name=cst.Name(local.name), bases=ported)


def _output_class(context: Context, local: LocalClass, updated: cst.ClassDef) -> cst.ClassDef:
    decorators = [d for d in updated.decorators if "dataclass" in code_of(d.decorator)]
    body = port_docstring_statement(context, updated.body)
    fields = [_optional_field(statement) for statement in body.body]
    ported = updated.with_changes(
        name=cst.Name(tf_name(local.name)), decorators=decorators, body=body.with_changes(body=fields)
    )
    if local.node.bases:
        return ported
    plain = [decorator.with_changes(decorator=_uncalled(decorator)) for decorator in decorators]
    return ported.with_changes(
        decorators=plain, bases=[_base("TFModelOutput")], lpar=cst.LeftParen(), rpar=cst.RightParen()
    )


def _uncalled(decorator: cst.Decorator) -> cst.BaseExpression:
    """`dataclass` of `@dataclass(frozen=True)`."""
    return decorator.decorator.func if isinstance(decorator.decorator, cst.Call) else decorator.decorator


def _optional_field(statement: cst.CSTNode) -> cst.CSTNode:
    """A field that may be None, as `tf.function` must be able to rebuild the output without it."""
    if not m.matches(statement, m.SimpleStatementLine(body=[m.AnnAssign(value=None)])):
        return statement
    assert isinstance(statement, cst.SimpleStatementLine)
    field = statement.body[0].with_changes(value=cst.Name("None"), equal=cst.AssignEqual())
    return statement.with_changes(body=[field])


def _layer_class(context: Context, local: LocalClass, updated: cst.ClassDef) -> cst.ClassDef:
    for argument in local.node.keywords:
        message = f"`{code_of(argument).strip(', ')}` of class {local.name} is not ported: Keras makes layers itself."
        context.note(local.node, "left", message)
    body = port_docstring_statement(context, _with_intro(context, updated))
    kept = [_as_call(s) for s in body.body if isinstance(s, cst.BaseStatement) and _is_kept(local, s)]
    position = 1 if kept and _is_docstring(kept[0]) else 0
    kept[position:position] = _extra_attributes(context, local)
    return updated.with_changes(
        name=cst.Name(tf_name(local.name)),
        bases=list(_bases(context, local, updated)),
        decorators=[
            new
            for old, new in zip(local.node.decorators, updated.decorators, strict=True)
            if is_own_decorator(context, old)
        ],
        keywords=[],
        body=cst.IndentedBlock(kept) if kept else cst.IndentedBlock([cst.parse_statement("pass")]),
    )


def _as_call(statement: cst.BaseStatement) -> cst.BaseStatement:
    """`forward = encode`, which gives a method its other name, is `call = encode`."""
    if not m.matches(statement, m.SimpleStatementLine(body=[m.Assign(targets=[m.AssignTarget(m.Name("forward"))])])):
        return statement
    assign = cst.ensure_type(cst.ensure_type(statement, cst.SimpleStatementLine).body[0], cst.Assign)
    target = assign.targets[0].with_changes(target=cst.Name("call"))
    return statement.with_changes(body=[assign.with_changes(targets=[target])])


def _is_docstring(statement: cst.CSTNode) -> bool:
    return m.matches(statement, m.SimpleStatementLine(body=[m.Expr(value=m.SimpleString())]))


def _is_kept(local: LocalClass, statement: cst.CSTNode) -> bool:
    if m.matches(statement, m.SimpleStatementLine(body=[m.Expr(value=m.Ellipsis())])):
        return False
    if local.kind != "model" or not isinstance(statement, cst.SimpleStatementLine):
        return True
    code = code_of(statement).strip()
    return not code.startswith(_DROPPED_PREFIXES)


def _with_intro(context: Context, updated: cst.ClassDef) -> cst.BaseSuite:
    """`@auto_docstring(custom_intro=...)` is the docstring that a class without one shows its users."""
    body = updated.body
    if not isinstance(body, cst.IndentedBlock) or (body.body and _is_docstring(body.body[0])):
        return body if isinstance(body, cst.IndentedBlock) else cst.IndentedBlock([])
    for decorator in updated.decorators:
        for argument in m.findall(decorator, m.Arg(keyword=m.Name("custom_intro"), value=m.SimpleString())):
            assert isinstance(argument, cst.Arg) and isinstance(argument.value, cst.SimpleString)
            text = str(argument.value.evaluated_value).strip()
            text = "\n".join(f"    {line.strip()}".rstrip() for line in text.splitlines()).strip()
            end = "\n    " if "\n" in text else ""
            return body.with_changes(body=[cst.parse_statement(f'"""{text}{end}"""'), *body.body])
    return body


def _extra_attributes(context: Context, local: LocalClass) -> Iterator[cst.BaseStatement]:
    for statement in local.node.body.body:
        if m.matches(statement, m.SimpleStatementLine(body=[m.AnnAssign(target=m.Name("config"))])):
            annotation = statement.body[0].annotation.annotation  # type: ignore[union-attr]  # matched above
            if isinstance(annotation, cst.Name):
                yield cst.parse_statement(f"config_class = {annotation.value}")
    yield from checkpoint_attributes(context, local)
    if any(code_of(base.value).startswith("GenericFor") for base in local.node.bases):
        main = _base_main_layer(context, local)
        if main is not None:
            yield cst.parse_statement(f"main_layer_class = {main}")


def _base_main_layer(context: Context, local: LocalClass) -> str | None:
    """The main layer that a generic head stands on: of the model that AutoModel makes from this config."""
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    config = getattr(getattr(context.source.module, local.name), "config_class", None)
    found = MODEL_MAPPING_NAMES.get(getattr(config, "model_type", ""), "")
    names = [found] if isinstance(found, str) else list(found)
    candidates = [*names, *(name for name, other in context.source.classes.items() if other.kind == "model")]
    mains = (main_layer_name(context.knowledge, name) for name in candidates if name in context.source.classes)
    return next((main for main in mains if main), None)


def _bases(context: Context, local: LocalClass, updated: cst.ClassDef) -> Iterator[cst.Arg]:
    for original, new in zip(local.node.bases, updated.bases, strict=True):
        name = context.source.canonical(original.value) or ""
        checkpointed = name.endswith(".GradientCheckpointingLayer")
        if name == "torch.nn.Module" or checkpointed:
            layer = "TFGradientCheckpointingLayer" if checkpointed else "keras.layers.Layer"
            yield _base("TFModule" if local.is_root else layer)
        elif name in context.knowledge.nested:
            yield _base(context.knowledge.nested[name].name)
        elif name.endswith("GenerationMixin"):
            own = name.rpartition(".")[2]
            if own != "GenerationMixin":  # which porter.runtime has
                message = f"{local.name}.generate is porter.runtime's: what {own} does besides is not ported."
                context.note(local.node, "assumed", message)
        elif name in BASES:
            yield _base(BASES[name])
        elif name.startswith("torch.nn.") and (card := find_card(name)) is not None:
            yield _base(card.keras_class)
            if local.is_root:
                yield _base("TFModule")
        elif (
            name.startswith("local.")
            or code_of(new.value) in context.runtime
            or not name.startswith(("torch.", "transformers."))
        ):
            yield new.with_changes(comma=cst.MaybeSentinel.DEFAULT)
        elif (known := _known_ancestor(context, original.value)) is not None:
            own = name.rpartition(".")[2]
            message = f"{local.name} inherits from {known} in place of {own}; what {own} does besides is not ported."
            context.note(local.node, "assumed", message)
            yield _base(known)
        else:
            context.note(local.node, "left", f"the base class {name} has no counterpart and was dropped.")
            if name.startswith("torch.nn."):
                yield _base("keras.layers.Layer")


def _known_ancestor(context: Context, node: cst.BaseExpression) -> str | None:
    """The nearest class that a library's class inherits from and porter.runtime has a twin of."""
    ancestors = getattr(context.source.resolve(node), "__mro__", ())[1:]
    names = (tf_name(ancestor.__name__) for ancestor in ancestors)
    return next((name for name in names if name in context.runtime), None)


def _base(code: str) -> cst.Arg:
    return cst.Arg(cst.parse_expression(code))


def _with_build(context: Context, local: LocalClass, ported: cst.ClassDef) -> cst.ClassDef:
    statements: list[cst.BaseStatement] = []
    weights = Weights()
    constructor_at = None
    for statement in ported.body.body:
        assert isinstance(statement, cst.BaseStatement)
        if isinstance(statement, cst.FunctionDef) and statement.name.value == "__init__":
            constructor_at = len(statements)
            emptied, weights = move_weights(context, local.name, statement)
            statements.append(emptied)
        else:
            statements.append(statement)
    build = build_method(context, local, weights)
    filling = fill_method(context, local)
    if filling is not None:
        statements.append(filling)
    if build is not None:
        statements.append(build.method)
    if build is not None and constructor_at is not None:
        constructor = cst.ensure_type(statements[constructor_at], cst.FunctionDef)
        statements[constructor_at] = _with_stored(constructor, build.stored)
    return ported.with_changes(body=ported.body.with_changes(body=_cleaned(statements)))


def _with_stored(constructor: cst.FunctionDef, stored: Sequence[str]) -> cst.FunctionDef:
    """`self.config = config` and the like behind `super().__init__`, for `build` to read."""
    if not stored:
        return constructor
    lines = [cst.parse_statement(f"self.{kept_as(name)} = {name}") for name in stored]
    body = list(constructor.body.body)
    pattern = m.SimpleStatementLine(body=[m.Expr(value=m.Call(func=m.Attribute(attr=m.Name("__init__"))))])
    at = next((i + 1 for i, statement in enumerate(body) if m.matches(statement, pattern)), 0)
    return constructor.with_changes(body=constructor.body.with_changes(body=[*body[:at], *lines, *body[at:]]))


def _cleaned(statements: list[cst.BaseStatement]) -> list[cst.BaseStatement]:
    """Without the `pass` of an emptied body once there is more."""
    kept = [s for s in statements if not m.matches(s, m.SimpleStatementLine(body=[m.Pass()]))]
    return kept or [cst.parse_statement("pass")]
