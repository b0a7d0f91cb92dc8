"""Prove a port: each class against PyTorch on strong weights, with inputs other than those traced."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any

from porter.base.reasons import kind_and_reason
from porter.base.scratch import scratch_folder
from porter.port.call_port import call_port
from porter.port.class_result import LOADING, ClassResult, Side
from porter.port.failure_text import where_it_failed
from porter.port.guide_points import guide_points
from porter.port.lines_run import lines_run
from porter.port.proves_nothing import proves_nothing
from porter.port.torch_runs import InGraph, accepted, torch_runs
from porter.port.trace_failure import trace_failure
from porter.runtime.model.recorded import RECORDED
from porter.subject import Case, ModelCase, Subject
from porter.subject.inputs.arrays import Inputs
from porter.subject.ported_module import constructed_port, save_model, save_weights
from porter.subject.siblings import siblings
from porter.subject.torch_model import RUN_ERRORS, build_torch_model, trial_runs

__all__ = ["ClassResult", "Side", "accepted", "run_port", "verify", "verify_class"]


def verify(subject: Subject, modeling: ModuleType, of_tree: bool = False) -> Iterator[ClassResult]:
    """Yield one result per class, over all cases that run it; of a port for a tree, with the points of its guide."""
    names = dict.fromkeys(model.name for case in subject.cases for model in case.models)
    for name in names:
        runs = [(case, model) for case in subject.cases for model in case.models if model.name == name]
        results = (verify_class(subject, case, model, modeling, of_tree) for case, model in runs)
        yield reduce(ClassResult.merge, results)


def verify_class(
    subject: Subject, case: Case, model_case: ModelCase, modeling: ModuleType, of_tree: bool = False
) -> ClassResult:
    """Compare one class: weights, eager mode, graph mode with unknown dimensions, and further calls of it."""
    nothing: dict[str, tuple[str, ...]] = dict.fromkeys(LOADING, ())
    try:
        with trial_runs():
            model = build_torch_model(subject, case, model_case.name)
            runs = torch_runs(model, case.inputs_of(model_case), model_case.comparable)
    except RUN_ERRORS as error:
        failed = Side(False, None, f"PyTorch stops: {kind_and_reason(error)}")
        return ClassResult(model_case.name, failed, failed, nothing, None, model_case.comparable)
    files = [Path(str(modeling.__file__))]
    files += [files[0].with_name(f"modeling_tf_{sibling.name}.py") for sibling in siblings(subject)]
    with scratch_folder() as folder:
        loader = _Loader(modeling, subject, case, model, folder)
        with lines_run(files) as ran:
            port, weights, failure = loader.load()
            eager = runs.eager(port) if port is not None else Side(False, None, failure)
        graph = runs.graph_first(lambda: loader.load()[0]) if port is not None else InGraph(eager, ())
        noise = max(runs.noise.values(), default=None)
        result = ClassResult(model_case.name, eager, graph.side, weights, noise, model_case.comparable)
        result = replace(result, nothing=proves_nothing(runs.reference), coverage=runs.coverage(files, ran))
        result = replace(result, varied=graph.unknown, needs=graph.needs)
        if port is not None and of_tree:
            result = replace(result, guide=guide_points(port, runs.inputs, weights))
        if port is None or result.matches:
            return result
        return replace(result, trace=trace_failure(model, loader.load()[0], runs.inputs))


@dataclass(frozen=True)
class _Loader:
    """Makes the port with the weights of the PyTorch model, again and again, by way of a folder."""

    modeling: ModuleType
    subject: Subject
    case: Case
    model: Any
    folder: Path

    def load(self) -> tuple[Any, dict[str, tuple[str, ...]], str]:
        """The port, what of the weights did not find its place, and why it failed; None for a port that did."""
        name = type(self.model).__name__
        nothing: dict[str, tuple[str, ...]] = dict.fromkeys(LOADING, ())
        port_class = getattr(self.modeling, f"TF{name}", None)
        if port_class is None:
            return None, nothing, f"the file has no class TF{name}"
        try:
            port, info = self._loaded(port_class)
        except Exception as error:  # noqa: BLE001  # as in _check
            return None, nothing, where_it_failed(error)
        return port, {kind: tuple(map(str, info[f"{kind}_keys"])) for kind in LOADING}, ""

    def _loaded(self, port_class: Any) -> tuple[Any, Mapping[str, Any]]:
        if self.case.arguments is not None:
            port = constructed_port(self.case, port_class, vars(importlib.import_module(self.subject.module_name)))
            return port, port.load_torch_weights(save_weights(self.model, self.folder), strict=False).to_dict()
        if not (self.folder / "config.json").exists():
            save_model(self.model, self.folder)
        port, info = port_class.from_pretrained(str(self.folder), from_pt=True, output_loading_info=True)
        return port, info


def run_port(port: Any, inputs: Inputs, recorded: bool) -> Any:
    """Call a port, and have it record hidden states and attentions where it can."""
    return call_port(port, inputs, dict.fromkeys(RECORDED, True) if recorded else {})
