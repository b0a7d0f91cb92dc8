"""Inside the module that is wrong by itself: the statement, or the line that constructs it."""

from __future__ import annotations

import linecache
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from diffcheck import tf_side, torch_side
from diffcheck.diagnose import Models, arguments_alone
from diffcheck.locate import SMALLEST, Located, construction_line, first_difference
from diffcheck.metrics import TOLERANCE
from diffcheck.report import ModuleResult, Origin, Place
from diffcheck.sources import source_of
from diffcheck.statements import Event, Watch


def explain(models: Models, module: ModuleResult) -> Origin:
    """The origin with its place on both sides, as exact as it can be had.

    A module written in the model's own file is run again with its local variables watched; one from a library
    (a dense layer, a normalisation) is pointed to where its parent constructs it.
    """
    torch_module = models.torch_model.get_submodule(module.path)
    layer = models.layers[module.tf_path or ""]
    own_torch = source_of(type(torch_module))[0] == source_of(type(models.torch_model))[0]
    own_tf = source_of(type(layer))[0] == source_of(type(models.tf_model))[0]
    origin = Origin(
        module.path,
        module.torch if own_torch else _construction(models.torch_model, module.path) or module.torch,
        module.tf if own_tf else _layer_construction(models, module.tf_path or "") or module.tf,
    )
    if not (own_torch and own_tf):
        return origin
    found = locate(models, module)
    if found is None and module.crash and module.crash.file:
        return replace(origin, tf=place_of(module.crash.file, module.crash.line), statement=module.crash.message)
    if found is None:
        return origin
    return Origin(module.path, _place(found.torch), _place(found.tf), statement=found.sentence())


def locate(models: Models, module: ModuleResult) -> Located | None:
    """The first assignment that differs while both sides compute the module from PyTorch's inputs."""
    double = module.float64 is not None and module.float64.double is not None
    tolerance = TOLERANCE
    if double and module.float64 and module.float64.double:
        tolerance = max(SMALLEST, 1e-3 * min(1.0, module.float64.double))
    with ExitStack() as stack:
        if double:
            stack.enter_context(torch_side.in_float64(models.torch_model))
            stack.enter_context(tf_side.in_float64(models.tf_model))
        reference, candidate = _watched_runs(models, module, double)
    return first_difference(reference, candidate, tolerance)


def _watched_runs(models: Models, module: ModuleResult, double: bool) -> tuple[list[Event], list[Event]]:
    """Both sides' assignments; a side that stops half way gives those until then."""
    call = models.reference.by_path()[module.path][module.worst_call]
    torch_module, layer = models.torch_model.get_submodule(module.path), models.layers[module.tf_path or ""]
    mine = Watch(torch_module, source_of(type(torch_module))[0])
    theirs = Watch(layer, source_of(type(layer))[0])
    with mine.running():
        torch_side.replay(models.torch_model, call, double)
    arguments = arguments_alone(call, models, double)
    try:
        with theirs.running():
            tf_side.call_layer(layer, arguments.values)
    except Exception:  # noqa: BLE001 - the code under test may raise anything; what ran before is compared
        pass
    return mine.events, theirs.events


def place_of(file: str, line: int) -> Place:
    """A line of a file with its text."""
    return Place(file, line, linecache.getline(file, line).rstrip("\n"))


def _place(event: Event) -> Place:
    return Place(event.statement.file, event.statement.line, event.statement.text)


def _construction(model: Any, path: str) -> Place | None:
    parent_path, _, name = path.rpartition(".")
    while name.isdigit():
        parent_path, _, name = parent_path.rpartition(".")
    file, line = source_of(type(model.get_submodule(parent_path)))
    found = construction_line(file, line, name) if file else None
    return Place(file, *found) if found else None


def _layer_construction(models: Models, path: str) -> Place | None:
    layer = models.layers[path]
    parent = path.rpartition(".")[0]
    while parent not in models.layers:
        parent = parent.rpartition(".")[0]
    owner = models.layers[parent]
    file, line = source_of(type(owner))
    for name, value in vars(owner).items():
        inside = value is layer or (isinstance(value, list | tuple) and any(part is layer for part in value))
        found = construction_line(file, line, name) if inside and file else None
        if found:
            return Place(file, *found)
    return None
