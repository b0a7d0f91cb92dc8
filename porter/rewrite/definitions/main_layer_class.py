"""The main layer: what the PyTorch model does, as a Keras layer; and the thin model that wraps it."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context, tf_name
from porter.rewrite.reading.main_layer import needs_model
from porter.rewrite.reading.source import LocalClass
from porter.rulebook.call import code_of
from porter.runtime.model.embeddings import USUAL_NAME


def split_main_layer(
    context: Context, local: LocalClass, ported: cst.ClassDef, main: str
) -> cst.FlattenSentinel[cst.BaseStatement]:
    """The ported model as two classes."""
    return cst.FlattenSentinel([_main_class(context, local, ported, main), _wrapper(context, local, ported, main)])


def _main_class(context: Context, local: LocalClass, ported: cst.ClassDef, main: str) -> cst.ClassDef:
    is_layer = not needs_model(context.knowledge, local.name)
    statements: list[cst.CSTNode] = list(ported.body.body)
    if is_layer:
        statements = [_as_layer(s) for s in statements]
        at = _behind_docstring(statements)
        statements[at:at] = _layer_attributes(context, local)
    bases = [cst.Arg(cst.parse_expression("keras.layers.Layer"))] if is_layer else list(ported.bases)
    return ported.with_changes(
        name=cst.Name(main),
        bases=bases,
        decorators=[cst.Decorator(cst.Name("keras_serializable"))],
        body=ported.body.with_changes(body=statements),
    )


def _layer_attributes(context: Context, local: LocalClass) -> Iterator[cst.BaseStatement]:
    found = getattr(context.source.module, local.name)
    config = getattr(found, "config_class", None)
    if config is not None:
        yield cst.parse_statement(f"config_class = {config.__name__}")
    embedding = getattr(found, "_input_embed_layer", USUAL_NAME)
    if embedding != USUAL_NAME and "_input_embed_layer" not in vars(found):
        yield cst.parse_statement(f'_input_embed_layer = "{embedding}"')
    owner = next(
        (base for base in local.lineage[1:] if "_can_record_outputs" in vars(getattr(context.source.module, base))),
        None,
    )
    if owner is not None and "_can_record_outputs" not in vars(found):
        yield cst.parse_statement(f"_can_record_outputs = {tf_name(owner)}._can_record_outputs")


def _behind_docstring(statements: list[cst.CSTNode]) -> int:
    pattern = m.SimpleStatementLine(body=[m.Expr(value=m.SimpleString())])
    return 1 if statements and m.matches(statements[0], pattern) else 0


def _as_layer(statement: cst.CSTNode) -> cst.CSTNode:
    """A constructor for a plain layer: no config for the base class, no post_init."""
    if not isinstance(statement, cst.FunctionDef) or statement.name.value != "__init__":
        return statement
    body = [_without_config(s) for s in statement.body.body if "self.post_init()" not in code_of(s)]
    stores = any(code_of(s).strip().startswith("self.config = ") for s in body)
    if not stores:
        at = next((i + 1 for i, s in enumerate(body) if "super().__init__" in code_of(s)), 0)
        body.insert(at, cst.parse_statement("self.config = config"))
    return statement.with_changes(body=statement.body.with_changes(body=body))


def _without_config(statement: cst.CSTNode) -> cst.CSTNode:
    pattern = m.SimpleStatementLine(body=[m.Expr(value=m.Call(func=m.Attribute(attr=m.Name("__init__"))))])
    if not m.matches(statement, pattern):
        return statement
    assert isinstance(statement, cst.SimpleStatementLine)
    call = cst.parse_expression("super().__init__(**kwargs)")
    return statement.with_changes(body=[cst.Expr(call)])


def _wrapper(context: Context, local: LocalClass, ported: cst.ClassDef, main: str) -> cst.ClassDef:
    prefix = context.knowledge.constructors.prefix(local.name)
    constants = [s for s in ported.body.body if isinstance(s, cst.SimpleStatementLine)]
    methods = [s for s in ported.body.body if isinstance(s, cst.FunctionDef)]
    body: list[cst.CSTNode] = [*constants, _constructor(methods, main, prefix)]
    body += [_delegate(method, prefix) for method in methods if _is_delegated(method)]
    body += [_call(method, prefix) for method in methods if method.name.value == "call"]
    return ported.with_changes(
        name=cst.Name(tf_name(local.name)),
        body=cst.IndentedBlock(body),  # type: ignore[arg-type]  # statements all
        leading_lines=[cst.EmptyLine(), cst.EmptyLine()],
    )


def _definition(code: str) -> cst.FunctionDef:
    statement = cst.parse_statement(code.lstrip("\n"))
    assert isinstance(statement, cst.FunctionDef)
    return statement.with_changes(leading_lines=[cst.EmptyLine(indent=False)])


def _constructor(methods: list[cst.FunctionDef], main: str, prefix: str) -> cst.FunctionDef:
    found = next((method for method in methods if method.name.value == "__init__"), None)
    params = (
        found.params
        if found is not None
        else cst.Parameters([cst.Param(cst.Name("self")), cst.Param(cst.Name("config"))])
    )
    rest = [p.name.value for p in (*params.params[2:], *params.kwonly_params)]
    arguments = ", ".join(["config", *(f"{name}={name}" for name in rest)])
    code = (
        "def __init__(self, config, **kwargs):\n    super().__init__(config, **kwargs)\n"
        f"    self.{prefix} = {main}({arguments})\n\n"
        "    # Initialize weights and apply final processing\n    self.post_init()\n"
    )
    return _definition(code).with_changes(params=params)


def _is_delegated(method: cst.FunctionDef) -> bool:
    return method.name.value not in ("call", "build", "fill_weights") and not method.name.value.startswith("_")


def _delegate(method: cst.FunctionDef, prefix: str) -> cst.FunctionDef:
    names = [p.name.value for p in method.params.params[1:]]
    arguments = ", ".join(f"{name}={name}" for name in names)
    code = f"def f(self):\n    return self.{prefix}.{method.name.value}({arguments})\n"
    if any(code_of(d.decorator) == "property" for d in method.decorators):
        code = f"def f(self):\n    return self.{prefix}.{method.name.value}\n"
    return method.with_changes(body=_definition(code).body)


def _call(method: cst.FunctionDef, prefix: str) -> cst.FunctionDef:
    names = [p.name.value for p in (*method.params.params[1:], *method.params.kwonly_params)]
    arguments = ", ".join(f"{name}={name}" for name in names)
    decorators = [d for d in method.decorators if code_of(d.decorator) == "unpack_inputs"]
    body = _definition(f"def f(self):\n    return self.{prefix}({arguments})\n").body
    return method.with_changes(body=body, decorators=decorators)
