"""name | folder | file | repository -> Subject: source, classes, tiny configuration, inputs."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from porter.errors import NotInstalled, UsageError
from porter.subject.case import Case, InputSpec, ModelCase, Subject
from porter.subject.sample_file import keep_classes, read_sample

__all__ = ["Case", "InputSpec", "ModelCase", "Subject", "find_subject"]


def find_subject(
    name: str, sample: Path | None = None, classes: Sequence[str] = (), trust_remote_code: bool = False
) -> Subject:
    """What `porter scaffold NAME` ports."""
    if sample is None:
        raise UsageError("--sample is needed.")
    cases, module_name = read_sample(sample, name)
    spec = importlib.util.find_spec(module_name)
    if spec is None or spec.origin is None:
        raise NotInstalled(f"{module_name} cannot be imported.")
    file = Path(spec.origin)
    return Subject(name, file, file.read_text(encoding="utf-8"), module_name, keep_classes(cases, classes), {})
