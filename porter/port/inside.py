"""Models of other files that a model holds: ported first, into files beside its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from porter.base.errors import PorterError
from porter.facts import Facts, NestedModel
from porter.port.handwork import Overwrite
from porter.port.write import write
from porter.rewrite import NestedPort, Note, rewrite
from porter.rewrite.reading.calls_in_file import RECORDED
from porter.rewrite.targets import standalone
from porter.runtime.model.beside import file_with, main_layer
from porter.subject import Case, ModelCase, Subject
from porter.subject.locate import of_module
from porter.subject.tiny import tiny_cases
from porter.trace import trace


@dataclass(frozen=True)
class Nested:
    """The ports of the models inside a model, by PyTorch's canonical name; what was written for them, and noted."""

    ports: Mapping[str, NestedPort] = field(default_factory=dict)
    written: tuple[Path, ...] = ()
    notes: tuple[Note, ...] = ()


def port_nested(
    subject: Subject,
    facts: Facts,
    output: Path,
    overwrite: Overwrite = Overwrite.REFUSE,
    above: frozenset[str] = frozenset(),
) -> Nested:
    """Port the models of other files that the runs have seen inside, and those inside them, unless they lie there.

    Args:
        subject: the file whose models hold them.
        facts: what its runs have shown.
        output: folder of the ports.
        overwrite: what is done with files there that were changed by hand.
        above: modules whose port has begun; their files cannot be asked for again.
    """
    ports: dict[str, NestedPort] = {}
    written: list[Path] = []
    notes: list[Note] = []
    above |= {subject.module_name}
    for module, group in groupby(sorted(facts.nested, key=lambda model: model.module), lambda model: model.module):
        models = list(group)
        missing = [model for model in models if file_with(output, model.class_name) is None]
        if missing and module not in above:
            try:
                written += _port_file(module, models, output, overwrite, above)
            except PorterError as error:
                notes.append(_left(subject, models[0], error))
        for model in models:
            port = _find_port(output, model.class_name)
            if port is not None:
                ports[model.name] = port
                notes.append(_assumed(subject, model, port))
    return Nested(ports, tuple(written), tuple(dict.fromkeys(notes)))


def _port_file(
    module: str, models: list[NestedModel], output: Path, overwrite: Overwrite, above: frozenset[str]
) -> Iterator[Path]:
    child = _subject(module, models)
    facts = trace(child)
    inside = port_nested(child, facts, output, overwrite, above)
    yield from write(child, rewrite(child, facts, standalone(), inside.ports), output, overwrite)
    yield from inside.written


def _subject(module: str, models: list[NestedModel]) -> Subject:
    """The file of nested models, to be run as they were seen and on a tiny configuration of its own."""
    location = of_module(module)
    if location is None:
        raise PorterError(f"{module} is no module of the installed transformers.")
    own = tuple(_case(model, f"{location.name}-nested-{at}") for at, model in enumerate(models) if model.inputs)
    cases: tuple[Case, ...] = ()
    for name in dict.fromkeys(model.class_name for model in models):
        try:
            cases += tiny_cases(location, (name,))[0]
        except PorterError:  # not one of the file's public models
            continue
    source = location.file.read_text(encoding="utf-8")
    return Subject(location.name, location.file, source, module, (*own, *cases), {})


def _case(model: NestedModel, identity: str) -> Case:
    models = (ModelCase(model.class_name),)
    return Case(identity, model.config_module, model.config_class, model.config, model.inputs, models)


def _find_port(folder: Path, torch_class: str) -> NestedPort | None:
    """The port of a class among the files of a folder, as its text says."""
    file = file_with(folder, torch_class)
    if file is None:
        return None
    nodes = ast.parse(file.read_text(encoding="utf-8")).body
    classes = {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}
    layer = next(name for name in (main_layer(torch_class), f"TF{torch_class}") if name in classes)
    return NestedPort(file.stem, layer, _parameters(classes, layer))


def _parameters(classes: Mapping[str, ast.ClassDef], name: str) -> tuple[str, ...]:
    """The parameters of a class's `call`, its own or the first that its bases in the file have."""
    node = classes.get(name)
    if node is None:
        return ()
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "call":
            arguments = (*statement.args.posonlyargs, *statement.args.args, *statement.args.kwonlyargs)
            names = tuple(argument.arg for argument in arguments)[1:]
            return names if statement.args.kwarg is None else (*names, *RECORDED)
    found = (_parameters(classes, base.id) for base in node.bases if isinstance(base, ast.Name))
    return next((parameters for parameters in found if parameters), ())


def _assumed(subject: Subject, model: NestedModel, port: NestedPort) -> Note:
    family = model.module.rpartition(".modeling_")[2]
    message = f"{model.class_name} inside is {port.layer} of {port.file}.py, proven as far as it is used here."
    return Note(0, "assumed", message, f"porter scaffold {family} proves the rest of that file", subject.file.name)


def _left(subject: Subject, model: NestedModel, error: PorterError) -> Note:
    family = model.module.rpartition(".modeling_")[2]
    message = f"{model.class_name} inside could not be ported: {error}"
    return Note(0, "left", message, f"porter scaffold {family}", subject.file.name)
