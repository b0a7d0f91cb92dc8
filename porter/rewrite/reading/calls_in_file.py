"""Who calls whom in the file, which functions need `training`, and what every `**kwargs` really carries."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.knowledge import Callee, Knowledge
from porter.rewrite.reading.source import LocalFunction, Source
from porter.rulebook import find_card
from porter.rulebook.call import code_of
from porter.runtime.model.recorded import RECORDED, switch_of

# What one decorator of transformers 4 did is done by several of transformers 5; the last one takes its options.
FORMER_DECORATORS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"check_model_inputs": ("merge_with_config_defaults", "capture_outputs")}
)
RETURN_DECORATORS = frozenset({"can_return_tuple", "capture_outputs", "merge_with_config_defaults"})


@dataclass(frozen=True, eq=False)
class Site:
    """One call in a function: the functions of the file that it can reach, and the names outside it.

    `nested` are the parameters of the models of other files that it can reach. `hands_on_all` tells that it passes on
    the `**kwargs` of a function inside its caller, as a decorator's does, with `training` among them.
    """

    node: cst.Call
    caller: LocalFunction
    callees: tuple[LocalFunction, ...]
    callee: Callee | None
    nested: tuple[str, ...] = ()
    hands_on_all: bool = False

    @property
    def forwards_keywords(self) -> bool:
        """Whether the caller's own `**kwargs` is passed on here."""
        return any(
            argument.star == "**" and m.matches(argument.value, m.Name(self.caller.keywords or ""))
            for argument in self.node.args
        )

    @property
    def explicit(self) -> frozenset[str]:
        """The keywords written at the call."""
        return frozenset(argument.keyword.value for argument in self.node.args if argument.keyword)


@dataclass(frozen=True)
class Flow:
    """What follows from the calls of the file.

    `training` holds the names of functions that take it, `added` what replaces each function's `**kwargs`, `running`
    the names of the functions that a call of a layer reaches, as far as the text tells.
    """

    training: frozenset[str]
    added: Mapping[str, tuple[str, ...]]
    sites: Mapping[cst.Call, Site]
    running: frozenset[str]

    def parameters(self, function: LocalFunction) -> tuple[str, ...]:
        """All parameters the ported function takes, `training` aside."""
        return (*function.parameters, *self.added.get(function.name, ()))


def analyse(knowledge: Knowledge) -> Flow:
    """Follow `training` and `**kwargs` through all calls of the file until nothing changes."""
    sites = {site.node: site for site in _sites(knowledge)}
    calls = sites.values()
    training, added = _needs_training(knowledge, calls), _added_keywords(knowledge, calls)
    return Flow(training, added, sites, _running(knowledge, calls))


def callees_of(knowledge: Knowledge, callee: Callee | None) -> tuple[LocalFunction, ...]:
    """The file's functions a call can reach: a module's forward, a method, a plain function."""
    found = []
    for name in sorted(callee.names if callee else ()):
        if not name.startswith("local."):
            continue
        own = name.removeprefix("local.")
        if callee is not None and callee.kind == "module":
            function = knowledge.source.method(own, "forward")
        else:
            function = knowledge.source.functions.get(own)
        if function is not None:
            found.append(function)
    return tuple(found)


def _sites(knowledge: Knowledge) -> Iterator[Site]:
    for function in knowledge.source.functions.values():
        for node in knowledge.source.find(function.node, cst.Call):
            callee = knowledge.callee(node)
            if m.matches(node.func, m.Attribute(value=m.Call(func=m.Name("super")))):
                own = _super_callees(knowledge, function, node)
                yield Site(node, function, own, callee, () if own else _base_parameters(knowledge, function, node))
                continue
            nested, hands_on = _nested_parameters(knowledge, callee), _hands_on_all(knowledge.source, function, node)
            yield Site(node, function, callees_of(knowledge, callee), callee, nested, hands_on)


def _hands_on_all(source: Source, function: LocalFunction, call: cst.Call) -> bool:
    inner = (
        each for each in source.ancestors(call) if isinstance(each, cst.FunctionDef) and each is not function.node
    )
    names = {each.params.star_kwarg.name.value for each in inner if each.params.star_kwarg is not None}
    return any(argument.star == "**" and code_of(argument.value) in names for argument in call.args)


def _nested_parameters(knowledge: Knowledge, callee: Callee | None) -> tuple[str, ...]:
    if callee is None or callee.kind == "class":
        return ()
    ports = (knowledge.nested[name] for name in sorted(callee.names) if name in knowledge.nested)
    return tuple(dict.fromkeys(parameter for port in ports for parameter in port.parameters))


def _super_callees(knowledge: Knowledge, function: LocalFunction, node: cst.Call) -> tuple[LocalFunction, ...]:
    assert isinstance(node.func, cst.Attribute)
    local = knowledge.source.classes.get(function.class_name or "")
    names = (f"{base}.{node.func.attr.value}" for base in (local.lineage[1:] if local else ()))
    return tuple(knowledge.source.functions[name] for name in names if name in knowledge.source.functions)[:1]


def _base_parameters(knowledge: Knowledge, function: LocalFunction, node: cst.Call) -> tuple[str, ...]:
    """What a method that a model inherits from transformers' own classes takes: `super().forward(...)`."""
    model = getattr(knowledge.source.module, function.class_name or "", None)
    name = cst.ensure_type(node.func, cst.Attribute).attr.value
    above = model.__mro__[1:] if isinstance(model, type) else ()
    base = next((each for each in above if name in vars(each)), None)
    if base is None or name != "forward" or not base.__module__.startswith("transformers."):
        return ()
    parameters = inspect.signature(vars(base)[name]).parameters.values()
    named = [each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    written = [argument.keyword.value for argument in node.args if argument.keyword]  # for its `**kwargs`
    return tuple(dict.fromkeys((*named[1:], *written, "use_cache", *RECORDED, "training")))


def decorators(function: LocalFunction) -> frozenset[str]:
    """The bare names of a function's decorators, as transformers 5 calls them."""
    calls = (d.decorator.func if isinstance(d.decorator, cst.Call) else d.decorator for d in function.node.decorators)
    names = (code_of(call).rpartition(".")[2] for call in calls)
    return frozenset(each for name in names for each in FORMER_DECORATORS.get(name, (name,)))


def _needs_training(knowledge: Knowledge, sites: Iterable[Site]) -> frozenset[str]:
    needs = {
        name
        for name, function in knowledge.source.functions.items()
        if function.own_name != "__init__"
        and any(node.attr.value == "training" for node in knowledge.source.find(function.node, cst.Attribute))
    }
    callers = [site for site in sites if site.caller.own_name != "__init__" and not site.hands_on_all]
    reached = [(site.caller.name, _reaches(knowledge, site)) for site in callers]
    stretched = _has_spectral_norm(knowledge.source)
    needs |= {site.caller.name for site in callers if _trains(site) or (stretched and _multiplies(site))}
    while grown := {caller for caller, callees in reached if callees & needs} - needs:
        needs |= grown
    return frozenset(needs)


def _running(knowledge: Knowledge, sites: Iterable[Site]) -> frozenset[str]:
    """Every `forward`, and what it calls, without what constructors call, too."""
    called = [(site.caller.name, _reaches(knowledge, site)) for site in sites]
    return _reached("forward", knowledge, called) - _reached("__init__", knowledge, called)


def _reached(own_name: str, knowledge: Knowledge, called: Iterable[tuple[str, set[str]]]) -> frozenset[str]:
    """The functions of this name, and all that they call."""
    found = {name for name, function in knowledge.source.functions.items() if function.own_name == own_name}
    while grown := {name for caller, names in called if caller in found for name in names} - found:
        found |= grown
    return frozenset(found)


def _trains(site: Site) -> bool:
    if "training" in site.nested:
        return True
    if site.callee is None or site.callee.kind != "module":
        return False
    cards = (find_card(name) for name in site.callee.names)
    return any(card is not None and card.training for card in cards)


def _has_spectral_norm(source: Source) -> bool:
    calls = source.find(source.tree, cst.Call)
    return any((source.canonical(call.func) or "").endswith(".spectral_norm") for call in calls)


def _multiplies(site: Site) -> bool:
    """Whether a layer of torch is called that spectral normalisation may have changed: training is told to these."""
    names = site.callee.names if site.callee is not None and site.callee.kind == "module" else ()
    return any(name.startswith(("torch.nn.Conv", "torch.nn.Linear")) for name in names)


def _reaches(knowledge: Knowledge, site: Site) -> set[str]:
    """Callees, and methods handed over as arguments (`apply_chunking_to_forward(self.feed_forward_chunk, ...)`)."""
    names = {callee.name for callee in site.callees}
    for argument in site.node.args:
        if m.matches(argument.value, m.Attribute(value=m.Name("self"))) and site.caller.class_name:
            assert isinstance(argument.value, cst.Attribute)
            method = knowledge.source.method(site.caller.class_name, argument.value.attr.value)
            names |= {method.name} if method else set()
    return names


def _added_keywords(knowledge: Knowledge, sites: Iterable[Site]) -> dict[str, tuple[str, ...]]:
    functions = [f for f in knowledge.source.functions.values() if f.keywords and f.own_name != "__init__"]
    by_caller: dict[str, list[Site]] = {}
    for site in sites:
        by_caller.setdefault(site.caller.name, []).append(site)
    consumed = _consumed(knowledge.source, functions, by_caller)
    from_users = {
        function.name: (*_given_by_users(knowledge.source, function), *_to_base(by_caller.get(function.name, ())))
        for function in functions
    }
    provided = _provided(from_users, by_caller, consumed)
    return {
        function.name: tuple(key for key in consumed[function.name] if key in provided[function.name])
        for function in functions
    }


def _consumed(
    source: Source, functions: list[LocalFunction], by_caller: Mapping[str, list[Site]]
) -> dict[str, list[str]]:
    """The keys that somebody behind a function's `**kwargs` reads, in the order of their first reader."""
    consumed = {function.name: _read_directly(source, function) for function in functions}
    changed = True
    while changed:
        changed = False
        for function in functions:
            wanted = [key for site in by_caller.get(function.name, ()) for key in _wanted(site, consumed)]
            for key in wanted:
                if key not in consumed[function.name] and key not in function.parameters:
                    consumed[function.name].append(key)
                    changed = True
    return consumed


def _wanted(site: Site, consumed: Mapping[str, list[str]]) -> Iterator[str]:
    """What this call's callees take beyond what is written here, if the caller forwards its keywords."""
    if not site.forwards_keywords:
        return
    positional = sum(1 for argument in site.node.args if not argument.keyword and not argument.star)
    for callee in site.callees:
        taken = (*callee.parameters[positional:], *consumed.get(callee.name, ()))
        yield from (key for key in taken if key not in site.explicit and key != "device")
    beyond = {*site.explicit, "training", "return_dict"}
    yield from (key for key in site.nested[positional:] if key not in beyond)


def _read_directly(source: Source, function: LocalFunction) -> list[str]:
    """Keys read as kwargs.get("x"), kwargs.pop("x"), kwargs["x"], and those the capturing decorator reads."""
    read = m.Attribute(value=m.Name(function.keywords or ""))
    found = list(_switches(source, function)) if "capture_outputs" in decorators(function) else []
    for call in source.find(function.node, cst.Call):
        if m.matches(call.func, read) and call.args and isinstance(call.args[0].value, cst.SimpleString):
            found.append(str(call.args[0].value.evaluated_value))
    for comparison in source.find(function.node, cst.Comparison):
        if m.matches(comparison.comparisons[0].comparator, m.Name(function.keywords or "")):
            found.append(code_of(comparison.left).strip("\"'"))  # `"x" in kwargs`
    for node in source.find(function.node, cst.Subscript):
        if m.matches(node.value, m.Name(function.keywords or "")):
            found.append(code_of(node).partition("[")[2].rstrip("]").strip("\"'"))
    return list(dict.fromkeys(key for key in found if key.isidentifier() and key not in function.parameters))


def _provided(
    from_users: Mapping[str, tuple[str, ...]], by_caller: Mapping[str, list[Site]], consumed: Mapping[str, list[str]]
) -> dict[str, set[str]]:
    """The keys that can arrive in each function's `**kwargs`: from users of a model, and from calls in the file."""
    provided = {name: set(keys) for name, keys in from_users.items()}
    changed = True
    while changed:
        changed = False
        for sites in by_caller.values():
            for site in sites:
                arriving = set(_sibling_keys(site, consumed))
                if site.forwards_keywords:
                    arriving |= provided.get(site.caller.name, set())
                for callee in site.callees:
                    new = arriving - set(callee.parameters) - provided.get(callee.name, arriving)
                    if callee.name in provided and new:
                        provided[callee.name] |= new
                        changed = True
    _accept_siblings(by_caller, consumed, provided)
    return provided


def _given_by_users(source: Source, function: LocalFunction) -> tuple[str, ...]:
    """What users, or a decorator, may put into a function's `**kwargs`."""
    local = source.classes.get(function.class_name or "")
    is_public = function.own_name == "forward" and local is not None and local.kind == "model"
    if is_public or RETURN_DECORATORS & decorators(function):
        return _switches(source, function)
    return ("output_hidden_states",) if "select_hidden_states" in decorators(function) else ()


def _to_base(sites: Iterable[Site]) -> Iterator[str]:
    """What users give to a model that hands it on to a class of transformers that it inherits from."""
    for site in sites:
        if m.matches(site.node.func, m.Attribute(value=m.Call(func=m.Name("super")))):
            yield from site.nested


def _switches(source: Source, function: LocalFunction) -> tuple[str, ...]:
    """The switches of what a function records: those of every model, and `output_x` for each other x of its class."""
    recorded = getattr(getattr(source.module, function.class_name or "", None), "_can_record_outputs", None) or {}
    if "capture_outputs" not in decorators(function):
        return RECORDED
    return tuple(dict.fromkeys((*RECORDED, *map(switch_of, recorded))))


def _sibling_keys(site: Site, consumed: Mapping[str, list[str]]) -> Iterator[str]:
    """Keywords written here that at least one possible callee takes."""
    for key in site.explicit:
        if any(key in callee.parameters or key in consumed.get(callee.name, ()) for callee in site.callees):
            yield key


def _accept_siblings(
    by_caller: Mapping[str, list[Site]], consumed: Mapping[str, list[str]], provided: Mapping[str, set[str]]
) -> None:
    """Where several classes can stand at a call, those with `**kwargs` accept what only their siblings read."""
    for sites in by_caller.values():
        for site in sites:
            if len(site.callees) < 2:
                continue
            arriving = provided.get(site.caller.name, set())
            forwarded = [key for key in _wanted(site, consumed) if key in arriving]
            for key in dict.fromkeys([*_sibling_keys(site, consumed), *forwarded]):
                for callee in site.callees:
                    readers = consumed.get(callee.name)
                    if readers is not None and key not in callee.parameters and key not in readers:
                        readers.append(key)
