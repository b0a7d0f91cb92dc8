"""Calls: of torch functions and tensor methods by rule, of layers and of the file's own functions by flow."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass

import libcst as cst
import libcst.matchers as m

from porter.facts.canonical import canonical
from porter.facts.tensor_methods import is_method, is_tensor_method, owner_of_method, tensor_method
from porter.rewrite.context import PORTABLE_LIBRARIES, Context
from porter.rewrite.expressions.arguments import keyword, local_arguments
from porter.rewrite.expressions.asked_by_name import attribute_by_name
from porter.rewrite.expressions.binding import bind_call, options_of
from porter.rewrite.expressions.class_values import called_value, is_partial, partial_class
from porter.rewrite.expressions.constructors import construct
from porter.rewrite.expressions.declared import declares, note
from porter.rewrite.expressions.function_values import function_value
from porter.rewrite.expressions.layer_copies import construct_copies
from porter.rewrite.expressions.named_values import value_by_name
from porter.rewrite.expressions.nested import chosen_by_config
from porter.rewrite.expressions.single_examples import with_batch
from porter.rewrite.reading.calls_in_file import Site
from porter.rewrite.reading.knowledge import Callee
from porter.rewrite.reading.made import Made, made_by
from porter.rewrite.reading.source import LocalFunction
from porter.rulebook import CannotBind, Rule, Unknown, find_card, find_refusal, find_rule
from porter.rulebook.call import code_of
from porter.rulebook.results import Drop, Same
from porter.rulebook.template import answer, parenthesised, translate, written
from porter.runtime.layers.reserved import RENAMED_PARAMETERS


def translate_call(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression:
    """The port of one call; a call that porter cannot translate is kept, with a Note."""
    site = context.flow.sites.get(original)
    if site is not None and m.matches(original.func, m.Attribute(value=m.Call(func=m.Name("super")))):
        return _super_call(context, site, updated)
    chosen = (
        chosen_by_config(context, original, updated)
        or partial_class(context, original, updated)
        or partial_call(context, original, updated)
        or value_by_name(context, original, updated)
        or attribute_by_name(context, original, updated)
        or construct_copies(context, original)
    )
    if chosen is not None:
        return chosen
    layer = _forward_of(context, original)
    if layer is not None:
        updated = updated.with_changes(func=cst.ensure_type(updated.func, cst.Attribute).value)
        return _call_layer(context, original, updated, layer, site)
    of_given_class = called_value(context, original, updated)
    if of_given_class is not None:
        return of_given_class
    made = made_by(context.knowledge, original) or _made_of_one(context, original)
    if made is not None:
        return construct(context, original, updated, made)
    callee = context.knowledge.callee(original) or _method_of_unseen(context, original)
    if callee is None:
        if walks_modules(context, original):
            context.note(original, "left", f"`{code_of(original.func)}` is torch.nn.Module's own and was kept.")
        return _without_dead_keywords(site, updated)
    if callee.kind == "module":
        return _call_layer(context, original, updated, callee, site)
    return _call_function(context, original, updated, callee, site)


def _where_layer_takes(called: cst.BaseExpression, argument: cst.Arg) -> cst.Arg:
    """`training=training` as it is passed where a layer or a plain function may be called, which takes none."""
    if argument.keyword is None or argument.keyword.value != "training":
        return argument
    taken = f'taken_by({code_of(called)}, {{"training": training}})'
    return cst.Arg(cst.parse_expression(taken), star="**")


def _made_of_one(context: Context, original: cst.Call) -> Made | None:
    """The layer that was seen where any class can be given, but its card has to know how it is called."""
    names = context.knowledge.given.names(original) if original in context.knowledge.given.calls else frozenset()
    if len(names) != 1:
        return None
    message = f"`{code_of(original.func)}` was {min(names)} in every run and is written as that; another is not made."
    context.note(original, "assumed", message)
    return Made(Callee(names, "class"), original.func, tuple(original.args))


def _forward_of(context: Context, call: cst.Call) -> Callee | None:
    """The layer in `layer.forward(x)`, which is `layer(x)`."""
    if not isinstance(call.func, cst.Attribute) or call.func.attr.value != "forward":
        return None
    fact = context.fact(call.func.value)
    return Callee(fact.names, "module") if fact is not None and fact.only("module") else None


def walks_modules(context: Context, call: cst.Call) -> bool:
    """Whether the call asks torch.nn.Module for its parts, other than in a statement that has a form of its own."""
    if not isinstance(call.func, cst.Attribute) or call.func.attr.value not in _MODULE_METHODS:
        return False
    return not any(declares(context, node) for node in (call, *context.source.ancestors(call)))


def _super_call(context: Context, site: Site, updated: cst.Call) -> cst.BaseExpression:
    assert isinstance(updated.func, cst.Attribute)
    if updated.func.attr.value != "forward":
        return updated
    updated = updated.with_changes(func=updated.func.with_changes(attr=cst.Name("call")))
    if site.callees or site.nested:
        return updated.with_changes(args=local_arguments(context, site, updated, is_layer=False))
    return _without_dead_keywords(site, updated)


def _call_layer(
    context: Context, original: cst.Call, updated: cst.Call, callee: Callee, site: Site | None
) -> cst.BaseExpression:
    for name in sorted(callee.names):
        if not name.startswith("torch.") or find_card(name) is not None or name.rpartition(".")[2] in context.runtime:
            continue
        if name == "torch.nn.Module":  # what an annotation or a test says; such a one cannot be called
            continue
        context.note(original, "left", f"{name} has no layer card; the call was kept.", f"porter rules --stub {name}")
    if site is None:
        return updated
    arguments = list(local_arguments(context, site, updated, is_layer=True))
    cards = [find_card(name) for name in callee.names]
    if any(cards):
        arguments = [_renamed(argument) for argument in arguments]
    passed = {argument.keyword.value for argument in arguments if argument.keyword}
    trains = any(card is not None and card.training for card in cards)
    if trains and "training" not in passed and context.has_training(original):
        arguments.append(keyword("training", "training"))
    fact = context.fact(original.func)
    if fact is not None and "function" in fact.kinds:
        arguments = [_where_layer_takes(updated.func, argument) for argument in arguments]
    if not arguments and site.callees and not any(_takes_arguments(context, callee) for callee in site.callees):
        return updated.with_changes(func=cst.Attribute(updated.func, cst.Name("call")))
    return with_batch(context, original, updated.with_changes(args=arguments), callee.names)


def _renamed(argument: cst.Arg) -> cst.Arg:
    """A keyword that Keras keeps for itself, as porter.runtime's layers call it."""
    name = RENAMED_PARAMETERS.get(argument.keyword.value) if argument.keyword is not None else None
    return argument.with_changes(keyword=cst.Name(name)) if name is not None else argument


def _takes_arguments(context: Context, function: LocalFunction) -> bool:
    """Whether a ported `call` has parameters; Keras cannot call a layer that has none."""
    return bool(context.flow.parameters(function)) or context.trains(function)


def _call_function(
    context: Context, original: cst.Call, updated: cst.Call, callee: Callee, site: Site | None
) -> cst.BaseExpression:
    if site is not None and site.callees:
        # by a name of its own, the function has the layer itself as its first argument
        is_layer = site.callees[0].own_name == "forward" and isinstance(original.func, cst.Attribute)
        return updated.with_changes(args=local_arguments(context, site, updated, is_layer))
    name = callee.name or _shared_rule_name(callee)
    if _holds_partial(context, original) or _calls_value(context, original, callee):
        return updated
    found = find_rule(name) if name else None
    if found is not None and name is not None:
        return _apply(context, original, updated, found, name)
    updated = _without_dead_keywords(site, updated)
    for unknown in sorted(callee.names):
        _note_unknown(context, original, unknown)
    of_library = any(unknown.partition(".")[0] in PORTABLE_LIBRARIES for unknown in callee.names)
    return _with_tensors(context, original, updated) if of_library else updated


def _with_tensors(context: Context, original: cst.Call, updated: cst.Call) -> cst.Call:
    """The call of a library that knows TensorFlow's tensors, but not the variables that Keras keeps weights in."""
    seen = context.knowledge.facts.modules.get(context.source.enclosing_class(original) or "")
    weights = {f"self.{name}" for name in (*seen.parameters, *seen.buffers)} if seen is not None else set()
    arguments = [
        after.with_changes(value=cst.parse_expression(f"tf.convert_to_tensor({code_of(after.value)})"))
        if code_of(before.value) in weights
        else after
        for before, after in zip(original.args, updated.args, strict=False)
    ]
    return updated.with_changes(args=[*arguments, *updated.args[len(arguments) :]])


def _holds_partial(context: Context, call: cst.Call) -> bool:
    """Whether an attribute is called that may hold a function with some of its arguments."""
    owner = context.source.enclosing_class(call)
    if owner is None or not m.matches(call.func, m.Attribute(value=m.Name("self"))):
        return False
    attribute = cst.ensure_type(call.func, cst.Attribute).attr.value
    stored = context.knowledge.constructors.stored_anywhere(owner)
    pattern = m.Call(func=m.Name("partial"))
    return any(store.attribute == attribute and m.matches(store.value, pattern) for store in stored)


def _calls_value(context: Context, call: cst.Call, callee: Callee) -> bool:
    """Whether a variable or attribute is called that holds a function of torch, which is ported where it is chosen."""
    if context.source.canonical(call.func) is not None or len(call.args) != 1 or call.args[0].keyword is not None:
        return False
    of_tensor = isinstance(call.func, cst.Attribute) and context.knowledge.is_tensor(call.func.value)
    named = [(name, find_rule(name)) for name in sorted(callee.names) if not is_method(name)]
    values = [name for name, found in named if found is not None and function_value(context, call.func, name, found)]
    return (
        not of_tensor
        and m.matches(call.func, m.Name() | m.Attribute() | m.Subscript() | m.Call(func=m.Name("getattr")))
        and len(values) == len(callee.names)
    )


def partial_call(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    """`partial(torch.f, dim=1)` of a function that has a rule: a function of its first argument."""
    if not is_partial(original):
        return None
    name = context.source.canonical(original.args[0].value) or ""
    found = find_rule(name) if name.startswith("torch.") else None
    if found is None:
        return None
    signature = next(s for s in found.signatures if s.name == name)
    names = ["x", "axes"] if _reduces_axes(context, original) and signature.parameter("dim") else ["x"]
    first = [cst.Arg(cst.Name(each), keyword=cst.Name("dim") if each == "axes" else None) for each in names]
    before = original.with_changes(func=original.args[0].value, args=[first[0], *original.args[1:], *first[1:]])
    after = updated.with_changes(func=updated.args[0].value, args=[first[0], *updated.args[1:], *first[1:]])
    try:
        body = translate(found, bind_call(context, signature, before, after))
    except (Unknown, CannotBind) as error:
        context.note(original, "left", f"{name}: {error}; the call was kept.", f"porter rules {name}")
        return updated
    return cst.parse_expression(f"lambda {', '.join(names)}: {code_of(body)}")


def _reduces_axes(context: Context, function: cst.Call) -> bool:
    """Whether a function is given to `einops.reduce`, which calls it with a tensor and its axes."""
    holder = context.source.parents.get(function)
    call = context.source.parents.get(holder) if isinstance(holder, cst.Arg) else None
    return isinstance(call, cst.Call) and (context.source.canonical(call.func) or "").endswith("einops.reduce")


def _shared_rule_name(callee: Callee) -> str | None:
    """A name whose rule serves all the functions that were seen here."""
    rules = {id(find_rule(name)) for name in callee.names}
    return sorted(callee.names)[0] if len(rules) == 1 else None


_PROVIDED_METHODS = (
    "torch.nn.Sequential.append",
    "torch.nn.Sequential.extend",
    "torch.nn.Sequential.insert",
    "torch.nn.ModuleList.",
    "torch.nn.ModuleDict.",
    "torch.nn.ParameterDict.",
    "torch.nn.ParameterList.",
    "torch.Size.",
    "torch.distributions.normal.Normal.",
    "torch.distributions.categorical.Categorical.",
    "torch.distributions.bernoulli.Bernoulli.",
    "torch.distributions.independent.Independent.",
    "torch.vmap.",
    "torch.autograd.function.Function",  # and its context, which porter.runtime's TFFunction has
)


def _note_unknown(context: Context, original: cst.Call, name: str) -> None:
    if name.startswith(_PROVIDED_METHODS) or _is_of_other_value(name):
        return
    because = find_refusal(name)
    if because is not None:
        context.note(original, "left", f"{name}: {because}; the call was kept.")
    elif name.startswith("torch."):
        hint = f"porter rules --stub {name}"
        context.note(original, "left", f"{name} has no rule; the call was kept.", hint)
    elif name.startswith("transformers.") and not _is_provided(context, original, name):
        context.note(original, "left", f"{name} has no counterpart in porter.runtime; the call was kept.")


def _is_of_other_value(name: str) -> bool:
    """Whether no tensor has the method: the variable, a tensor in the runs, is a list or so on this line."""
    return is_tensor_method(name) and owner_of_method(name.rpartition(".")[2]) is None


def _is_provided(context: Context, original: cst.Call, name: str) -> bool:
    owner, _, own_name = name.rpartition(".")
    if not m.matches(original.func, m.Attribute()):
        return own_name in context.runtime or _is_of_table(context, name)
    if not owner.rpartition(".")[2][:1].isupper():  # a function, such as of a model's loss or of logging
        return not name.startswith("transformers.models.")
    return "configuration" in owner or own_name in context.methods or own_name in _OF_DICTIONARIES


def _is_of_table(context: Context, name: str) -> bool:
    """Whether the function stands in a table that the runtime has too, such as one of the scalings of positions."""
    tables = (value for key, value in vars(context.source.module).items() if key in context.runtime)
    values = (value for table in tables if isinstance(table, Mapping) for value in table.values())
    return any(name == canonical(value) for value in values)


def _apply(context: Context, original: cst.Call, updated: cst.Call, found: Rule, name: str) -> cst.BaseExpression:
    options = next((options_of(context, a.value) for a in original.args if a.star == "**"), None)
    if not isinstance(options, cst.IfExp):
        return _applied(context, _Named(original, name, options), updated, found)
    body, orelse = (
        _applied(context, _Named(original, name, side), updated, found) for side in (options.body, options.orelse)
    )
    return parenthesised(cst.IfExp(context.port(options.test), body, orelse))


@dataclass(frozen=True)
class _Named:
    """A call, the canonical name of what it calls, and the dictionary of arguments that stands in it behind `**`."""

    call: cst.Call
    name: str
    options: cst.BaseExpression | None


def _applied(context: Context, named: _Named, updated: cst.Call, found: Rule) -> cst.BaseExpression:
    original, name = named.call, named.name
    try:
        own = (name, name.removesuffix("_"))  # x.add_ is declared as x.add
        signature = next((s for s in found.signatures if s.name in own), found.signatures[0])
        call = bind_call(context, signature, original, updated, named.options)
        result = answer(found, call)
        if isinstance(result, (Same, Drop)):
            note(context, original, result.remark)
        return written(result, call)
    except (Unknown, CannotBind) as error:
        context.note(original, "left", f"{name}: {error}; the call was kept.", f"porter rules {name}")
        return updated


def is_kept_context(context: Context, call: cst.Call) -> bool:
    """Whether a call makes a context that has no meaning in the port, for a `with` elsewhere."""
    made = context.source.resolve(call.func)
    of_generator = callable(made) and inspect.isgeneratorfunction(inspect.unwrap(made))
    is_context = hasattr(made, "__enter__") or of_generator
    return is_context and not isinstance(context.source.parents[call], (cst.WithItem, cst.Expr, cst.Decorator))


def _method_of_unseen(context: Context, original: cst.Call) -> Callee | None:
    """A method that only tensors have, on a value no run has reached."""
    if not isinstance(original.func, cst.Attribute) or m.matches(original.func.value, m.Name("self")):
        return None
    known = context.fact(original.func.value)
    # a number, or what is something else elsewhere, may be a tensor in another branch
    if known is not None and not known.only("int", "float", "bool") and "tensor" not in known.kinds:
        return None
    method = original.func.attr.value
    name = tensor_method(method)
    if find_rule(name) is None or context.source.resolve(original.func.value) is not None:
        return None
    owner = owner_of_method(method)
    if owner != "tensor" and not _of_tensors_alone(context, original):
        if known is None and owner == "module":
            message = f"`{code_of(original)}` was kept: no run has shown what `{code_of(original.func.value)}` is."
            context.note(original, "left", message, "give inputs or a configuration with --sample that reach the line")
        return None
    message = f"`{code_of(original.func.value)}` was not seen as a tensor and is taken for one."
    context.note(original, "assumed", message)
    return Callee(frozenset({name}), "function")


def _of_tensors_alone(context: Context, call: cst.Call) -> bool:
    """Whether the arguments are those of a tensor's method: an axis, or where a tensor goes and as what."""
    if any(argument.keyword is not None and argument.keyword.value in ("dim", "dtype") for argument in call.args):
        return True
    if cst.ensure_type(call.func, cst.Attribute).attr.value not in ("to", "type") or not call.args:
        return False
    return all(_is_place_or_type(context, argument.value) for argument in call.args)


def _is_place_or_type(context: Context, node: cst.BaseExpression) -> bool:
    name = node.attr.value if isinstance(node, cst.Attribute) else node.value if isinstance(node, cst.Name) else ""
    return name == "device" or name.endswith("dtype") or (context.source.canonical(node) or "").startswith("torch.")


# methods of transformers' outputs, which are dictionaries
_OF_DICTIONARIES = frozenset({"get", "items", "keys", "pop", "setdefault", "to_tuple", "update", "values"})

# methods of torch.nn.Module that Keras layers do not have
_MODULE_METHODS = frozenset(
    {"parameters", "named_parameters", "modules", "named_modules", "children", "named_children",
     "register_forward_hook", "register_module", "load_state_dict", "requires_grad_", "get_submodule"}
)  # fmt: skip


def _without_dead_keywords(site: Site | None, updated: cst.Call) -> cst.Call:
    """The call without the caller's `**kwargs`, which the port does not have."""
    if site is None or not site.forwards_keywords:
        return updated
    name = site.caller.keywords or ""
    arguments = [a for a in updated.args if not (a.star == "**" and m.matches(a.value, m.Name(name)))]
    if arguments and site.node.args[-1].comma is cst.MaybeSentinel.DEFAULT:
        arguments[-1] = arguments[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return updated.with_changes(args=arguments)
