"""Models of other families that a model holds, or whose classes its file uses: each family's file as a subject."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from porter.base.errors import PorterError
from porter.facts import Facts, NestedModel
from porter.rewrite import NestedPort, Note
from porter.subject import Case, ModelCase, Subject
from porter.subject.locate import Location, of_module
from porter.subject.siblings import definitions_read
from porter.subject.tiny import tiny_cases

_MODELING = re.compile(r"transformers\.models\.(?!auto\.)\w+\.modeling_(?!tf_|flax_)\w+")


@dataclass(frozen=True)
class Family:
    """What a file needs of the modeling file of another family.

    models: the models that the runs have seen inside.
    names: all classes and functions of it that are needed, those models' too.
    """

    module: str
    models: tuple[NestedModel, ...]
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The family's name for `porter scaffold`."""
        return self.module.rpartition(".modeling_")[2]


def families(subject: Subject, facts: Facts) -> list[Family]:
    """The families whose models the runs have seen inside the subject's, or that its file imports classes from."""
    names: dict[str, list[str]] = {}
    models: dict[str, list[NestedModel]] = {}
    for model in facts.nested:
        models.setdefault(model.module, []).append(model)
        names.setdefault(model.module, []).append(model.class_name)
    for definition in definitions_read(subject):
        if _MODELING.fullmatch(definition.module) and definition.module != subject.module_name and definition.name:
            names.setdefault(definition.module, []).append(definition.name)
    return [
        Family(module, tuple(models.get(module, ())), tuple(dict.fromkeys(names[module]))) for module in sorted(names)
    ]


def family_subject(family: Family) -> Subject:
    """The family's file, to be run as its models were seen and on tiny configurations of its own.

    Raises PorterError where the module is not one of the installed transformers.
    """
    location = of_module(family.module)
    if location is None:
        raise PorterError(f"{family.module} is not a module of the installed transformers.")
    own = tuple(_case(model, f"{location.name}-nested-{at}") for at, model in enumerate(family.models) if model.inputs)
    cases = (*own, *_tiny(location, family.names))
    if not cases:
        cases = tiny_cases(location)[0][:1]
    source = location.file.read_text(encoding="utf-8")
    return Subject(location.name, location.file, source, family.module, cases, {})


def _tiny(location: Location, names: Iterable[str]) -> Sequence[Case]:
    cases: tuple[Case, ...] = ()
    for name in names:
        try:
            cases += tiny_cases(location, (name,))[0]
        except PorterError:  # not one of the file's public models
            continue
    return cases


def _case(model: NestedModel, identity: str) -> Case:
    models = (ModelCase(model.class_name),)
    return Case(identity, model.config_module, model.config_class, model.config, model.inputs, models)


def used_note(subject: Subject, family: Family, name: str, port: NestedPort) -> Note:
    """The Note that what is inside is proven only as far as the subject uses it."""
    message = f"{name} inside is {port.layer} of {port.file}.py, proven as far as it is used here."
    hint = f"porter scaffold {family.name} proves the rest of that file"
    return Note(0, "assumed", message, hint, subject.file.name)


def failed_note(subject: Subject, family: Family, error: PorterError) -> Note:
    """The Note that a family could not be ported."""
    message = f"{family.names[0]} inside could not be ported: {error}"
    return Note(0, "left", message, f"porter scaffold {family.name}", subject.file.name)
