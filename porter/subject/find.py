"""name | folder | file | repository -> Subject: source, classes, tiny configuration, inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from porter.base.errors import UsageError
from porter.subject.case import Case, Subject
from porter.subject.locate import locate, of_module
from porter.subject.sample_file import keep_classes, read_sample
from porter.subject.tiny import tiny_cases


def find_subject(
    name: str, sample: Path | None = None, classes: Sequence[str] = (), trust_remote_code: bool = False
) -> Subject:
    """What `porter scaffold NAME` ports.

    Args:
        name: model type of the installed transformers, modeling file, model folder (also below ./examples/ and
            a checkout's src/transformers/models/), checkpoint folder or Hub repository.
        sample: cases to run it on; without one the default configuration (or the checkpoint's) is made tiny and
            inputs are made from each class's forward.
        classes: only these model classes; all when empty.
        trust_remote_code: whether code of a repository whose config.json names its own may be run.

    Raises UsageError where nothing is found, or nothing of it can be run.
    """
    if sample is None:
        location = locate(name, trust_remote_code)
        cases, failures = tiny_cases(location, classes)
        if not cases:
            reasons = "; ".join(f"{model}: {reason}" for model, reason in failures.items())
            raise UsageError(
                f"No tiny configuration of {name} could be run ({reasons}).",
                hint="--sample FILE with a configuration and inputs that run",
            )
    else:
        family = Path(name).stem.removeprefix("modeling_").replace("-", "_")
        cases, module_name = read_sample(sample, family)
        location = of_module(module_name) or locate(name, trust_remote_code)
        cases = tuple(_moved(case, module_name, location.module_name) for case in keep_classes(cases, classes))
        failures = {}
    source = location.file.read_text(encoding="utf-8")
    return Subject(location.name, location.file, source, location.module_name, cases, failures)


def _moved(case: Case, written: str, actual: str) -> Case:
    """A sample's configuration module, in the package that the folder could be imported as."""
    package, _, _ = written.rpartition(".")
    if not case.config_module.startswith(f"{package}."):
        return case
    return replace(case, config_module=actual.rpartition(".")[0] + case.config_module.removeprefix(package))
