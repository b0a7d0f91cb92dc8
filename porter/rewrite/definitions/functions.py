"""Function definitions: `forward` becomes `call`, `**kwargs` what it carries, and `training` is an argument."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.definitions.expert_mixtures import experts_body
from porter.rewrite.definitions.graph_decorators import graph_decorators
from porter.rewrite.definitions.raising_bodies import raising_body
from porter.rewrite.expressions.arguments import ported_parameter
from porter.rewrite.expressions.attributes import own_attribute
from porter.rewrite.reading.calls_in_file import FORMER_DECORATORS, RETURN_DECORATORS
from porter.rewrite.reading.knowledge import Callee
from porter.rewrite.reading.source import ACCESSORS, LocalFunction
from porter.rewrite.statements.autograph import as_autograph_takes
from porter.rewrite.statements.loops_as_operations import without_empty_lists
from porter.rulebook.call import code_of

_KEPT_DECORATORS = frozenset(
    {"staticmethod", "classmethod", "property", "cached_property", "wraps", "dataclass", "capture_outputs"}
    | {"merge_with_config_defaults", "abstractmethod", "overload", "contextmanager"}
)
_SILENT_DECORATORS = RETURN_DECORATORS | {
    "auto_docstring", "no_grad", "use_kernelized_func", "use_kernel_forward_from_hub", "use_kernel_func_from_hub",
    "use_kernel_func_from_hub_with_fallback", "force_accelerate_hooks", "deprecate_kwarg", "replace_return_docstrings",
    "add_start_docstrings_to_model_forward", "add_start_docstrings", "compile", "ignore", "unused", "script", "export",
    "use_experts_implementation", "requires", "accepts_precomputed_kwargs", "disable", "wraps",
    "compile_compatible_method_lru_cache", "autocast", "inference_mode", "enable_grad", "custom_fwd", "custom_bwd",
    "script_method", "script_if_tracing", "lru_cache", "cache",
}  # fmt: skip


def port_function(context: Context, function: LocalFunction, updated: cst.FunctionDef) -> cst.FunctionDef:
    """The definition under its new name, with its new parameters and decorators."""
    updated = _inline_aliases(context, function, updated)
    updated = updated.with_changes(body=without_empty_lists(updated.body, context.loops.made_at_once(function.name)))
    updated = _handing_back(context.aliases.handed.get(function.name, ()), updated)
    name, raising = cst.Name(_ported_name(context, function)), raising_body(context, function)
    decorators = list(_decorators(context, function, updated))
    if any(m.matches(each.decorator, m.Name("graph_branches")) for each in decorators):
        updated = updated.with_changes(body=as_autograph_takes(updated.body))
    return updated.with_changes(
        name=name,
        body=raising or experts_body(context, function, updated) or updated.body,
        params=_parameters(context, function, updated.params),
        decorators=decorators,
    )


def _handing_back(names: Sequence[str], updated: cst.FunctionDef) -> cst.FunctionDef:
    """The function with the parameters that it writes into returned behind its result, where callers take them."""
    if not names:
        return updated
    body = updated.body.visit(_Returns(names))
    assert isinstance(body, cst.BaseSuite)
    last = body.body[-1]
    if not m.matches(last, m.SimpleStatementLine(body=[m.Return()])):
        body = body.with_changes(body=[*body.body, cst.parse_statement(f"return {', '.join(names)}")])
    result = updated.returns.annotation if updated.returns is not None else None
    if result is None or m.matches(result, m.Name("None")):
        return updated.with_changes(body=body, returns=None)
    types = ", ".join([code_of(result), *["tf.Tensor"] * len(names)])
    return updated.with_changes(body=body, returns=cst.Annotation(cst.parse_expression(f"tuple[{types}]")))


class _Returns(cst.CSTTransformer):
    """Gives each `return` the names behind its value."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def leave_Return(self, original_node: cst.Return, updated_node: cst.Return) -> cst.Return:
        value = updated_node.value
        if isinstance(value, cst.Tuple):
            value = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        values = [*([value] if value is not None else []), *map(cst.Name, self.names)]
        found = values[0] if len(values) == 1 else cst.Tuple([cst.Element(each) for each in values], lpar=(), rpar=())
        return cst.Return(found)


def _ported_name(context: Context, function: LocalFunction) -> str:
    """`call` for `forward`; a method that has one of Keras' names by chance gets another."""
    if function.own_name == "forward":
        return "call"
    name = own_attribute(context, function.node, function.own_name)
    if name != function.own_name:
        context.note(
            function.node, "assumed", f"{function.name} is called {name}: Keras calls {function.own_name} itself."
        )
    return name


def is_public_call(context: Context, function: LocalFunction) -> bool:
    """Whether users call it: the forward of a model, which takes a mapping and gives a dict or a tuple as asked."""
    local = context.source.classes.get(function.class_name or "")
    return function.own_name == "forward" and local is not None and local.kind == "model"


def _parameters(context: Context, function: LocalFunction, params: cst.Parameters) -> cst.Parameters:
    kept = [parameter for parameter in params.params if not is_device(parameter)]
    renamed = [_renamed(function, parameter) for parameter in kept]
    if function.own_name == "__init__":
        return _constructor_parameters(context, function, params.with_changes(params=renamed))
    if is_public_call(context, function):
        renamed[2:] = [_optional(parameter) for parameter in renamed[2:]]
    new = list(_new_parameters(context, function))
    if params.star_kwarg is not None and function.keywords is None:
        return params.with_changes(params=[*renamed, *new])
    if params.star_kwarg is not None and params.kwonly_params:
        ported = params.with_changes(params=renamed, star_kwarg=None, kwonly_params=[*params.kwonly_params, *new])
    else:
        ported = params.with_changes(params=[*renamed, *new], star_kwarg=None)
    return _ending_like(params, ported)


def _optional(parameter: cst.Param) -> cst.Param:
    """A parameter that Keras lets stand in the mapping of all inputs, which is the first argument."""
    return parameter if parameter.default is not None else parameter.with_changes(default=cst.Name("None"))


def _ending_like(original: cst.Parameters, ported: cst.Parameters) -> cst.Parameters:
    """Without a comma at the end where there was none: the formatter would break the line for it."""
    written = [*original.params, *original.kwonly_params, *([original.star_kwarg] if original.star_kwarg else [])]
    if not written or isinstance(written[-1].comma, cst.Comma):
        return ported
    if isinstance(ported.star_arg, cst.Param) and not ported.kwonly_params:
        return ported.with_changes(star_arg=ported.star_arg.with_changes(comma=cst.MaybeSentinel.DEFAULT))
    group = "kwonly_params" if ported.kwonly_params else "params"
    parameters = list(getattr(ported, group))
    if parameters:
        parameters[-1] = parameters[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return ported.with_changes(**{group: parameters})


def is_device(parameter: cst.Param) -> bool:
    """An argument that says where tensors lie, which TensorFlow decides by itself."""
    return parameter.name.value == "device"


def _renamed(function: LocalFunction, parameter: cst.Param) -> cst.Param:
    return parameter.with_changes(name=cst.Name(ported_parameter(function, parameter.name.value)))


def _constructor_parameters(context: Context, function: LocalFunction, params: cst.Parameters) -> cst.Parameters:
    local = context.source.classes.get(function.class_name or "")
    if local is None or local.kind not in ("layer", "model") or params.star_kwarg is not None:
        return params
    return params.with_changes(star_kwarg=cst.Param(cst.Name("kwargs"), star="**"))


def _new_parameters(context: Context, function: LocalFunction) -> Iterator[cst.Param]:
    added = context.flow.added.get(function.name, ())
    for key in added:
        yield _parameter(ported_parameter(function, key), "bool | None" if key.startswith("output_") else None, "None")
    if is_public_call(context, function) and "return_dict" not in (*function.parameters, *added):
        yield _parameter("return_dict", "bool | None", "None")
    if context.trains(function) and "training" not in function.parameters:
        yield _parameter("training", "bool", "False")


def _parameter(name: str, annotation: str | None, default: str) -> cst.Param:
    note = cst.Annotation(cst.parse_expression(annotation)) if annotation else None
    return cst.Param(cst.Name(name), annotation=note, default=cst.parse_expression(default))


def _decorators(context: Context, function: LocalFunction, updated: cst.FunctionDef) -> Iterator[cst.Decorator]:
    if is_public_call(context, function):
        yield cst.Decorator(cst.Name("unpack_inputs"))
    for original, decorator in zip(function.node.decorators, updated.decorators, strict=True):
        expression = decorator.decorator
        name = _bare_name(original)
        is_own = name in context.source.functions or is_own_decorator(context, original)
        if name in FORMER_DECORATORS and not is_own:
            *first, last = map(cst.Name, FORMER_DECORATORS[name])
            takes_options = isinstance(expression, cst.Call) and expression.args
            yield from (cst.Decorator(each) for each in first)
            yield cst.Decorator(expression.with_changes(func=last) if takes_options else last)
        elif name in _KEPT_DECORATORS or is_own or _is_of_property(function, original):
            yield decorator
        elif name not in _SILENT_DECORATORS:
            if name in context.runtime:
                yield decorator.with_changes(decorator=_bare(expression))
            else:
                context.note(function.node, "left", f"the decorator @{name} has no counterpart and was dropped.")
    yield from graph_decorators(context, function)


def is_own_decorator(context: Context, decorator: cst.Decorator) -> bool:
    """Whether a decorator is a function of the file, by whatever name, or a method of an object that it makes."""
    node = decorator.decorator.func if isinstance(decorator.decorator, cst.Call) else decorator.decorator
    module = getattr(context.source.resolve(node), "__module__", None)
    return bool(module == context.source.subject.module_name)


def _is_of_property(function: LocalFunction, decorator: cst.Decorator) -> bool:
    """`@scale.setter` above another `def scale`."""
    return code_of(decorator.decorator) in {f"{function.own_name}.{accessor}" for accessor in ACCESSORS}


def _bare_name(decorator: cst.Decorator) -> str:
    expression = decorator.decorator
    return code_of(expression.func if isinstance(expression, cst.Call) else expression).rpartition(".")[2]


def _bare(expression: cst.BaseExpression) -> cst.BaseExpression:
    return expression.attr if isinstance(expression, cst.Attribute) else expression


def _inline_aliases(context: Context, function: LocalFunction, updated: cst.FunctionDef) -> cst.FunctionDef:
    """Call the file's own function by its name, not by a variable that only holds it."""
    if not any(callee.kind == "function" for callee in _alias_callees(context, function)):
        return updated
    aliases = {}
    for node in m.findall(updated.body, m.Assign(targets=[m.AssignTarget(m.Name())], value=m.Name())):
        assert isinstance(node, cst.Assign) and isinstance(node.value, cst.Name)
        only = len(context.knowledge.assigned_values(function, code_of(node.targets[0].target))) == 1
        if only and node.value.value in context.source.functions:
            aliases[code_of(node.targets[0].target)] = node.value.value
    if not aliases:
        return updated
    return updated.with_changes(body=updated.body.visit(_AliasInliner(aliases)))


def _alias_callees(context: Context, function: LocalFunction) -> Iterator[Callee]:
    """What the function calls by the name of one of its variables."""
    for site in context.flow.sites.values():
        called = site.node.func
        if site.caller is not function or not site.callees or site.callee is None:
            continue
        if isinstance(called, cst.Name) and called.value not in context.source.functions:
            yield site.callee


class _AliasInliner(cst.CSTTransformer):
    def __init__(self, aliases: Mapping[str, str]) -> None:
        self.aliases = aliases

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.RemovalSentinel:
        small = original_node.body[0]
        is_alias = isinstance(small, cst.Assign) and code_of(small.targets[0].target) in self.aliases
        return cst.RemoveFromParent() if is_alias else updated_node

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        name = original_node.func.value if isinstance(original_node.func, cst.Name) else ""
        return updated_node.with_changes(func=cst.Name(self.aliases[name])) if name in self.aliases else updated_node
