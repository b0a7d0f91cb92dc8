"""Inside the module that is wrong by itself: the statement, or the line that constructs it."""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from diffcheck.compare.metrics import EXACT, TOLERANCE
from diffcheck.explain.causes import find_cause
from diffcheck.explain.causes.order import elsewhere, nearby
from diffcheck.explain.causes.suspect import Suspect
from diffcheck.explain.first_statement import Located, construction_line, first_difference
from diffcheck.explain.watched_statements import Event, Watch
from diffcheck.judge.diagnose import is_below
from diffcheck.judge.isolate import Models, arguments_alone, inside_of
from diffcheck.judge.tf_float64 import in_float64
from diffcheck.record import tf_side, torch_side
from diffcheck.record.recording import ModuleCall, flat_arguments
from diffcheck.record.sources import source_of
from diffcheck.record.values import Flattened, TensorValue
from diffcheck.show import summary
from diffcheck.show.heat import heat_map
from diffcheck.show.report import ModuleResult, Origin, Place
from diffcheck.show.summary import Values


def explain(models: Models, module: ModuleResult) -> Origin:
    """The origin with its place on both sides, as exact as it can be had, and its cause if it is a known one.

    A module written in the model's own file is run again with its local variables watched; one from a library
    (a dense layer, a normalisation) is pointed to where its parent constructs it.
    """
    _torch(models, module)  # before any layer is taken hold of: loading it may let the TensorFlow model go
    with _widened(models, module):
        ran = _watched_runs(models, module) if _is_own_code(models, module) else Ran((), ())
        located = _locate(module, ran)
        suspect = _suspect(models, module, located, ran)
        actual = suspect.output()
        heat = None if actual is None else heat_map(suspect.expected, actual)
        cause = find_cause(suspect)
        if cause and cause.attribute and not suspect.variables:
            made = _made_otherwise(suspect, tolerance_for(module))
            located, cause = made or located, replace(cause, attribute="") if made else cause
        values = _values(models, module, located, (suspect.expected, actual))
    origin = replace(_placed(models, module, located), heat=heat, values=values)
    if cause is None:
        return origin
    if cause.statement is not None:
        where = Place(cause.statement.file, cause.statement.line, cause.statement.text)
        origin = replace(origin, tf=where)
    if cause.attribute:
        origin = replace(origin, tf=_attribute_place(models, module, cause.attribute) or origin.tf)
    return replace(origin, cause=cause.edit)


def _values(
    models: Models, module: ModuleResult, located: Located | None, output: tuple[Flattened, Flattened | None]
) -> tuple[Values, ...]:
    """What the first differing statement made and was given; of a module without one, its results and arguments."""
    given = flat_arguments(models.reference.by_path()[module.path][module.worst_call].arguments)
    if located is None:
        return (*summary.results("result", *output), *summary.inputs(given))
    reads, known = located.tf.statement.reads, {event.name for event in located.went_in}
    inside = [
        replace(value, tf=None) if event.name in located.equal_inputs else replace(value, torch=None)
        for event in located.went_in
        for value in summary.results(event.name, event.value, event.value)
    ]
    return (
        *summary.results(located.tf.name, located.torch.value, located.tf.value),
        *(replace(value, role="in") for value in inside),
        *summary.inputs({name: value for name, value in given.items() if name in reads and name not in known}),
    )


def _made_otherwise(suspect: Suspect, tolerance: float) -> Located | None:
    """The first statement that differs while both sides construct the module anew from their configurations."""
    sides = []
    for part in (suspect.torch_module, suspect.layer):
        watch = Watch((), source_of(type(part))[0], (type(part),))
        needed = inspect.signature(type(part)).parameters.values()
        required = [p.name for p in needed if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
        if required != ["config"] or not watch.file or not hasattr(part, "config"):
            return None
        with watch.running():
            type(part)(part.config)
        sides.append(watch.events)
    return first_difference(sides[0], sides[1], tolerance)


def _attribute_place(models: Models, module: ModuleResult, attribute: str) -> Place | None:
    """Where an attribute is set: by the caller if other layers of the class have another value, else in its class."""
    layer = models.sides.layers()[module.tf_path or ""]
    own = vars(layer).get(attribute)
    others = [vars(other).get(attribute) for other in models.sides.layers().values() if type(other) is type(layer)]
    file, line = source_of(type(layer))
    found = construction_line(file, line, attribute) if file else None
    if found is None or not all(other is own or np.array_equal(other, own) for other in others):
        return _layer_construction(models, module.tf_path or "")
    return Place(file, *found)


def _placed(models: Models, module: ModuleResult, located: Located | None) -> Origin:
    if located is not None:
        return Origin(module.path, _place(located.torch), _place(located.tf), statement=located.sentence())
    if not _is_own_code(models, module):
        mine = construction_of(_torch(models, module), module.path) or module.torch
        return Origin(module.path, mine, _layer_construction(models, module.tf_path or "") or module.tf)
    if module.crash and module.crash.file:
        where = place_of(module.crash.file, module.crash.line)
        return Origin(module.path, module.torch, where, statement=module.crash.message)
    return Origin(module.path, module.torch, module.tf)


def _is_own_code(models: Models, module: ModuleResult) -> bool:
    """Whether both sides of the module are written in the files of the models."""
    pairs = (
        (_torch(models, module).get_submodule(module.path), _torch(models, module)),
        (models.sides.layers()[module.tf_path or ""], models.sides.tf()),
    )
    return all(source_of(type(part))[0] == source_of(type(whole))[0] for part, whole in pairs)


def _torch(models: Models, module: ModuleResult) -> Any:
    """The PyTorch model, with the weights of this module and those that pair with its partner's own."""
    own = {p.name for p in models.structures[1].parameters if p.name.rpartition(".")[0] == module.tf_path}
    pairs = models.pairing.parameters.items()
    owners = (name.rpartition(".")[0] for name, other in pairs if other in own)
    return models.sides.torch_part(frozenset((module.path, *owners)))


@contextmanager
def _widened(models: Models, module: ModuleResult) -> Iterator[None]:
    """Both models in float64 if the module ran in it."""
    with ExitStack() as stack:
        if _double(module):
            stack.enter_context(torch_side.in_float64(_torch(models, module), [module.path]))
            stack.enter_context(in_float64(models.sides.tf(), [module.tf_path or ""]))
        yield


def _double(module: ModuleResult) -> bool:
    return module.float64 is not None and module.float64.double is not None


def tolerance_for(module: ModuleResult) -> float:
    """The relative difference from which a value inside of the module is wrong."""
    if module.float64 and module.float64.double:
        return max(EXACT, 1e-3 * min(1.0, module.float64.double))
    return TOLERANCE


@dataclass(frozen=True)
class Ran:
    """Both sides' assignments while they compute a module from PyTorch's inputs."""

    reference: Sequence[Event]
    candidate: Sequence[Event]


def _suspect(models: Models, module: ModuleResult, located: Located | None, ran: Ran) -> Suspect:
    """The module ready for trials."""
    double = _double(module)
    call = models.reference.by_path()[module.path][module.worst_call]
    tf_path = module.tf_path or ""
    pairs = {other: name for name, other in models.pairing.parameters.items()}
    variables = {
        path: variable
        for path, variable in tf_side.variables(models.sides.tf()).items()
        if path.rpartition(".")[0] == tf_path and path in pairs
    }
    expected = torch_side.replay(_torch(models, module), call, True) if double else call.output
    return Suspect(
        _torch(models, module).get_submodule(module.path),
        models.sides.layers()[tf_path],
        inside_of(models, tf_path),
        arguments_alone(call, models, double).values,
        expected,
        located,
        nearby(located, ran.candidate, module.crash),
        elsewhere(located, ran.candidate, ran.reference, tolerance_for(module)),
        _parts(models, call),
        {path: (pairs[path], torch_side.parameter_array(_torch(models, module), pairs[path])) for path in variables},
        variables,
        models.pairing.axes,
        models.structures[0],
        tolerance_for(module),
    )


def _parts(models: Models, call: ModuleCall) -> dict[str, TensorValue]:
    """The first tensor that each module directly inside put out during a call, as recorded."""
    found: dict[str, TensorValue] = {}
    for other in models.reference.calls:
        if other.order > call.order and not is_below(other.path, call.path):
            break
        name = other.path.removeprefix(f"{call.path}.")
        if other.order > call.order and "." not in name and other.output.tensors:
            found[name] = next(iter(other.output.tensors.values()))
    return found


def _locate(module: ModuleResult, ran: Ran) -> Located | None:
    """The first assignment that differs."""
    found = first_difference(ran.reference, ran.candidate, tolerance_for(module))
    # Where the layer stops, a flag or another number on the way there is not what stopped it.
    return None if found and module.crash and (found.is_number or found.result.max_abs is not None) else found


def _watched_runs(models: Models, module: ModuleResult) -> Ran:
    """Both sides; one that stops half way gives its assignments until then."""
    double = _double(module)
    call = models.reference.by_path()[module.path][module.worst_call]
    layer = models.sides.layers()[module.tf_path or ""]
    mine, theirs = _watches(models, module)
    with mine.running():
        torch_side.replay(_torch(models, module), call, double)
    arguments = arguments_alone(call, models, double)
    # The code under test may raise anything; what ran before is compared.
    with theirs.running(), suppress(Exception):
        tf_side.call_layer(layer, arguments.values)
    return Ran(mine.events, theirs.events)


def _watches(models: Models, module: ModuleResult) -> tuple[Watch, Watch]:
    """Both sides of the module, together with the modules below that have no partner: their work is done elsewhere."""
    pairs, tf_path = models.pairing.modules, module.tf_path or ""
    mine = _torch(models, module).get_submodule(module.path)
    below = [part for name, part in mine.named_modules(prefix=module.path) if name.lstrip(".") not in pairs]
    theirs = models.sides.layers()[tf_path]
    return (
        Watch((mine, *below), source_of(type(mine))[0]),
        Watch((theirs, *inside_of(models, tf_path)), source_of(type(theirs))[0]),
    )


def place_of(file: str, line: int) -> Place:
    """A line of a file with its text."""
    return Place(file, line, linecache.getline(file, line).rstrip("\n"))


def _place(event: Event) -> Place:
    return Place(event.statement.file, event.statement.line, event.statement.text)


def construction_of(model: Any, path: str) -> Place | None:
    """The line of its parent's class that makes a PyTorch module."""
    parent_path, _, name = path.rpartition(".")
    while name.isdigit():
        parent_path, _, name = parent_path.rpartition(".")
    file, line = source_of(type(model.get_submodule(parent_path)))
    found = construction_line(file, line, name) if file else None
    return Place(file, *found) if found else None


def _layer_construction(models: Models, path: str) -> Place | None:
    layer = models.sides.layers()[path]
    parent = path.rpartition(".")[0]
    while parent not in models.sides.layers():
        parent = parent.rpartition(".")[0]
    owner = models.sides.layers()[parent]
    file, line = source_of(type(owner))
    for name, value in vars(owner).items():
        inside = value is layer or (isinstance(value, list | tuple) and any(part is layer for part in value))
        found = construction_line(file, line, name) if inside and file else None
        if found:
            return Place(file, *found)
    return None
