"""name | folder | file | repository -> Subject: source, classes, tiny configuration, inputs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from porter.base.early_checks import check_class
from porter.base.errors import UsageError
from porter.subject.case import Case, Subject
from porter.subject.locate import Location, locate, of_module
from porter.subject.modeling_text import modeling_text
from porter.subject.plain_modules import Given, module_classes, plain_cases, with_arguments
from porter.subject.plausible_sizes import check_sizes
from porter.subject.sample_file import keep_classes, read_sample
from porter.subject.tiny import imported, model_classes, tiny_cases

NOTHING = Given()


def find_subject(
    name: str,
    sample: Path | None = None,
    classes: Sequence[str] = (),
    trust_remote_code: bool = False,
    given: Given = NOTHING,
) -> Subject:
    """What `porter scaffold NAME` ports.

    Args:
        name: model type of the installed transformers, Python file, model folder (also below ./examples/ and
            a checkout's src/transformers/models/), checkpoint folder or Hub repository.
        sample: cases to run it on; without one the default configuration (or the checkpoint's) is made tiny and
            inputs are made from each class's forward.
        classes: only these model classes; all when empty.
        trust_remote_code: whether code of a repository whose config.json names its own may be run.
        given: arguments and inputs of a plain `nn.Module`.

    Raises UsageError where nothing is found, or nothing of it can be run.
    """
    if sample is None:
        location = locate(name, trust_remote_code)
        cases, failures = _cases_of(location, classes, given)
    else:
        family = Path(name).stem.removeprefix("modeling_").replace("-", "_")
        cases, module_name = read_sample(sample, family)
        location = of_module(module_name) or locate(name, trust_remote_code)
        cases = tuple(_moved(case, module_name, location.module_name) for case in keep_classes(cases, classes))
        check_configurations(cases, location, sample)
        for case in cases:
            check_sizes(case.config, sample)
        module = imported(location)
        cases = tuple(with_arguments(case, module) for case in cases)
        failures = {}
    source = modeling_text(location.file)
    return Subject(location.name, location.file, source, location.module_name, cases, failures)


def _cases_of(location: Location, classes: Sequence[str], given: Given) -> tuple[tuple[Case, ...], dict[str, str]]:
    """Models of transformers tiny, plain modules as they are given."""
    module = imported(location)
    models = model_classes(module)
    if given.arguments is None and not given.inputs and ((not classes and models) or set(classes) & set(models)):
        return tiny_cases(location, classes)
    for name in classes:
        check_class(name, list(module_classes(module)), "class")
    if any(name in models for name in classes) or (models and not classes):
        hint = "--sample FILE with a configuration and inputs"
        raise UsageError("--arguments and --input are for modules without a configuration.", hint=hint)
    return plain_cases(location, module, classes, given), {}


def check_configurations(cases: Sequence[Case], location: Location, sample: Path) -> None:
    """Refuse a sample that takes its configuration from anywhere but transformers and the model's own package.

    Raises:
        UsageError: naming the module, which has not been imported.
    """
    packages = ("transformers.", location.module_name.rpartition(".")[0] + ".")
    for case in cases:
        module = case.config_module
        if module and not (re.fullmatch(r"\w+(\.\w+)+", module) and module.startswith(packages)):
            raise UsageError(
                f"The sample's configuration module {module!r} is neither of transformers nor beside the model.",
                hint=f"config_module is {location.module_name.replace('.modeling_', '.configuration_')}, for example",
                place=str(sample),
            )


def _moved(case: Case, written: str, actual: str) -> Case:
    """A sample's configuration module, in the package that the folder could be imported as."""
    package, _, _ = written.rpartition(".")
    if not case.config_module.startswith(f"{package}."):
        return case
    return replace(case, config_module=actual.rpartition(".")[0] + case.config_module.removeprefix(package))
