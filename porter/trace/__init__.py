"""Runs the PyTorch models of a subject with every expression of their file watched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType, ModuleType
from typing import Any

from porter.base.errors import UsageError
from porter.base.reasons import kind_reason_and_line
from porter.facts import Facts
from porter.subject.case import Case, InputSpec, ModelCase, Subject
from porter.subject.inputs.arrays import numpy_inputs
from porter.subject.inputs.variation import checked_variation, torch_inputs
from porter.subject.siblings import siblings
from porter.subject.tiny import inputs_that_run, model_classes, tiny_case
from porter.subject.torch_model import RUN_ERRORS, build_config, build_torch_model, constructor_arguments, trial_runs
from porter.trace.extra_runs import guesses_that_run, run_backward, run_extras
from porter.trace.nested_models import nested_models
from porter.trace.recorder import PackageRecorder, watched, watched_package
from porter.trace.variants import Changes, apply, argument_switches, class_texts, switches

__all__ = ["trace", "watched"]

NONE: Changes = MappingProxyType({})


def trace(subject: Subject) -> Facts:
    """What PyTorch says about each expression, from every model of every case on strong weights.

    Each model runs on two variations of its inputs (other batch and length), so that sizes that vary are told
    from those that do not; then with labels, in training, with a cache and its next step, with all outputs and
    from embeddings, wherever it takes these. Where other configurations, or model classes that no case names,
    reach more of the file, what they show is added, but never makes less certain what the cases have shown.
    Files beside it, which it imports, are watched with it.

    A model that does not run is named in `failures`. Raises UsageError where none of the cases' models runs.
    """
    failures = dict(subject.failures)
    beside = siblings(subject)
    with trial_runs(), watched_package(subject, beside) as (module, recorder):
        tracer = _Tracer(subject, module, recorder, tuple(file.source for file in (subject, *beside)))
        ran = [model.name for case in subject.cases for model in case.models if tracer.attempt(case, model, failures)]
        if not ran:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in failures.items()) or "there is no model class"
            raise UsageError(f"PyTorch could run no model of this file ({reasons}).", place=str(subject.file))
        recorder.keep()
        tracer.run_unnamed(failures)
        for case in subject.cases:
            tracer.run_switched(case)
        return recorder.facts({name: reason for name, reason in failures.items() if name not in ran})


@dataclass(frozen=True)
class _Tracer:
    """The watched module and who listens."""

    subject: Subject
    module: ModuleType
    recorder: PackageRecorder
    sources: tuple[str, ...]

    def attempt(self, case: Case, model_case: ModelCase, failures: dict[str, str], changes: Changes = NONE) -> bool:
        """Run one model in all ways; a failure of its plain run is put down."""
        try:
            plain = case.arguments is not None
            config = None if plain else apply(build_config(case), changes)
            model = build_torch_model(self.subject, case, model_case.name, self.module, config, changes)
            self._run(model, case.inputs_of(model_case))
        except RUN_ERRORS as error:
            failures[model_case.name] = kind_reason_and_line(error, self.subject.file)
            return False
        return True

    def run_switched(self, case: Case) -> None:
        """Each switch turned, for the base model and heads that read it; where it fails alone, beside another one."""
        texts = {name: text for source in self.sources for name, text in class_texts(source).items()}
        alone: list[Changes] = []
        dependent: list[Changes] = []
        for changes in self._switches(case):
            heads = [m for m in case.models[1:] if any(name in texts.get(m.name, "") for name in changes)]
            ran = [self.attempt(case, model, {}, changes) for model in (case.models[0], *heads)]
            (alone if any(ran) else dependent).append(changes)
        for changes in dependent:
            any(self.attempt(case, case.models[0], {}, {**other, **changes}) for other in alone)

    def _switches(self, case: Case) -> Iterator[Changes]:
        """The switches of the configuration, or of the constructor's arguments and of what they hold."""
        if case.arguments is None:
            yield from switches(build_config(case), self.sources)
            return
        model_class = getattr(self.module, case.models[0].name)
        arguments = constructor_arguments(case, model_class)
        yield from argument_switches(model_class, arguments, self.sources)
        for value in arguments.values():
            if hasattr(value, "__dict__") and not isinstance(value, type):
                yield from switches(value, self.sources)

    def run_unnamed(self, failures: dict[str, str]) -> None:
        """Model classes of the file that no case names: with a case's configuration, else with a tiny one."""
        configured = [case for case in self.subject.cases if case.arguments is None]
        cases = {case.config_class: _with_tokens(case) for case in reversed(configured)}
        named = {model.name for case in self.subject.cases for model in case.models}
        for name, model_class in model_classes(self.module).items():
            if name in named:
                continue
            try:
                case = cases.get(model_class.config_class.__name__)
                if case is None:
                    case = tiny_case(name, model_class)
                    inputs = case.inputs
                else:
                    inputs = inputs_that_run(model_class(build_config(case)).eval())
            except RUN_ERRORS as error:
                failures.setdefault(name, kind_reason_and_line(error, self.subject.file))
                continue
            self.attempt(case, ModelCase(name, inputs), failures)

    def _run(self, model: Any, specs: Sequence[InputSpec]) -> None:
        import torch

        self.recorder.note_modules(model)
        with torch.no_grad():
            with nested_models(model, self.recorder.local_modules) as nested:
                model(**torch_inputs(model, numpy_inputs(specs)))
            self.recorder.note_nested(nested)
            for grown in (0, 1):
                with self.recorder.paused():
                    varied = checked_variation(model, specs, more_rows=grown, more_columns=2 * grown)
                    inputs = torch_inputs(model, varied)
                    more = guesses_that_run(model, inputs, 2 + grown)
                with nested_models(model, self.recorder.local_modules) as nested:
                    run_extras(model, inputs, more)
                self.recorder.note_nested(nested)
                if self._has_gradients():
                    run_backward(model, inputs)

    def _has_gradients(self) -> bool:
        """Whether the file defines gradients itself, which only run when they are asked for."""
        import torch

        found = [each for each in vars(self.module).values() if isinstance(each, type)]
        return any(issubclass(each, torch.autograd.Function) for each in found)


def _with_tokens(case: Case) -> Case:
    """The case with the tokens that classifiers and shifted labels ask for."""
    config = build_config(case)
    missing = [name for name in ("pad_token_id", "decoder_start_token_id") if getattr(config, name, None) is None]
    return replace(case, config={**dict.fromkeys(missing, 0), **case.config})
