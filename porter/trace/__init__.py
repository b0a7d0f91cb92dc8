"""Runs the PyTorch models of a subject with every expression of their file watched."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from porter.errors import UsageError
from porter.facts import Facts
from porter.sample import RUN_ERRORS, build_torch_model, checked_variation, numpy_inputs, torch_inputs
from porter.subject.case import Case, ModelCase, Subject
from porter.trace.extra_runs import run_extras
from porter.trace.recorder import Recorder, watched

__all__ = ["trace", "watched"]


def trace(subject: Subject) -> Facts:
    """What PyTorch says about each expression, from every model of every case on strong weights.

    Each model runs on two variations of its inputs (other batch and length), so that sizes that vary are told
    from those that do not; then with labels, in training, with a cache and its next step, with all outputs and
    from embeddings, wherever it takes these. A model that does not even run on its plain inputs is named in
    `failures`. Raises UsageError where none runs.
    """
    failures: dict[str, str] = dict(subject.failures)
    done: set[str] = set()
    with watched(subject) as (module, recorder):
        for case in subject.cases:
            for model_case in case.models:
                try:
                    _run(subject, case, model_case, module, recorder)
                    done.add(model_case.name)
                except RUN_ERRORS as error:
                    failures[model_case.name] = f"{type(error).__name__}: {error}"
        if not done:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in failures.items()) or "there is no model class"
            raise UsageError(f"PyTorch could run no model of this file ({reasons}).", place=str(subject.file))
        return recorder.facts(failures)


def _run(subject: Subject, case: Case, model_case: ModelCase, module: ModuleType, recorder: Recorder) -> None:
    import torch

    model: Any = build_torch_model(subject, case, model_case.name, module)
    recorder.note_modules(model)
    specs = case.inputs_of(model_case)
    with torch.no_grad():
        model(**torch_inputs(model, numpy_inputs(specs)))
        for grown in (0, 1):
            inputs = checked_variation(model, specs, more_rows=grown, more_columns=2 * grown)
            run_extras(model, torch_inputs(model, inputs))
