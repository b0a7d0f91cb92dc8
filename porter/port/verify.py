"""Prove a port: each class against PyTorch on strong weights, with inputs other than those traced."""

from __future__ import annotations

import copy
import importlib
import inspect
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from diffcheck import Comparison, compare, noise_between
from porter.base.scratch import scratch_folder
from porter.subject import Case, ModelCase, Subject
from porter.subject.inputs.arrays import Inputs, each_array, numpy_inputs
from porter.subject.inputs.graph_signature import input_signature, split
from porter.subject.inputs.variation import checked_variation, torch_inputs
from porter.subject.ported_module import constructed_port, save_weights
from porter.subject.torch_model import RUN_ERRORS, build_torch_model

RECORDED = {"output_hidden_states": True, "output_attentions": True}
LOADING = ("missing", "unexpected", "mismatched")


# What Keras and TensorFlow wrap around the sentence that says what happened.
_ANSI = re.compile("\x1b\\[[0-9;]*m")
_FRAME = re.compile(r'^ *File "[^"\n]*", line \d+.*\n(?: {8}.*\n)?', re.MULTILINE)
_NAMED = re.compile(r"^(\w*(Error|Exception)): (?!Exception encountered)", re.MULTILINE)
_KERAS = re.compile(r"^(?:\w+: )?Exception encountered when calling .*$", re.MULTILINE)
_ARGUMENTS = re.compile(r"^ *Arguments received by .*", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Side:
    """One way of running the port: whether it matches, by how much it differs, and what went wrong."""

    ok: bool
    max_abs: float | None = None
    message: str = ""

    def worse(self, other: Side) -> Side:
        """The side of the two that says more against the port."""
        if self.ok != other.ok:
            return other if self.ok else self
        return max(self, other, key=lambda side: float("inf") if side.max_abs is None else side.max_abs)


@dataclass(frozen=True)
class ClassResult:
    """What was proven of one class. `weights` names PyTorch's tensors that did not find their place."""

    name: str
    eager: Side
    graph: Side
    weights: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    noise: float | None = None
    comparable: bool = True

    @property
    def ok(self) -> bool:
        """Whether eager mode, graph mode and weights all match."""
        return self.eager.ok and self.graph.ok and not any(self.weights.values())

    def merge(self, other: ClassResult) -> ClassResult:
        """The result over both cases."""
        weights = {kind: tuple(dict.fromkeys([*self.weights[kind], *other.weights[kind]])) for kind in LOADING}
        noise = max((n for n in (self.noise, other.noise) if n is not None), default=None)
        comparable = self.comparable and other.comparable
        return ClassResult(
            self.name, self.eager.worse(other.eager), self.graph.worse(other.graph), weights, noise, comparable
        )

    def to_json(self) -> dict[str, object]:
        """As in the report."""
        return {
            "name": self.name,
            "eager": vars(self.eager),
            "graph": vars(self.graph),
            "weights": {kind: list(self.weights.get(kind, ())) for kind in LOADING},
            "noise": self.noise,
            "comparable": self.comparable,
        }


def verify(subject: Subject, modeling: ModuleType) -> Iterator[ClassResult]:
    """Yield one result per class, over all cases that run it."""
    names = dict.fromkeys(model.name for case in subject.cases for model in case.models)
    for name in names:
        runs = [(case, model) for case in subject.cases for model in case.models if model.name == name]
        results = (verify_class(subject, case, model, modeling) for case, model in runs)
        yield reduce(ClassResult.merge, results)


def verify_class(subject: Subject, case: Case, model_case: ModelCase, modeling: ModuleType) -> ClassResult:
    """Compare one class: weights, eager mode, graph mode with unknown dimensions."""
    model = build_torch_model(subject, case, model_case.name)
    specs = case.inputs_of(model_case)
    inputs = accepted(model, checked_variation(model, specs))
    reference, noise, recorded = _reference(model, inputs)
    with scratch_folder() as folder:
        port, weights, failure = _load(modeling, subject, case, model, folder)
    if port is None:
        failed = Side(False, None, failure)
        return ClassResult(model_case.name, failed, failed, weights, None, model_case.comparable)
    check = _Check(reference, noise, model_case.comparable)
    eager = check.run(lambda: run_port(port, inputs, recorded))
    graph = check.run(lambda: _in_graph(port, inputs, accepted(model, numpy_inputs(specs)), recorded))
    worst = max(noise.values(), default=None)
    return ClassResult(model_case.name, eager, graph, weights, worst, model_case.comparable)


def accepted(model: Any, inputs: Inputs) -> Inputs:
    """The inputs that the model's forward takes, as numpy arrays."""
    return {name: inputs[name] for name in torch_inputs(model, inputs)}


def _reference(model: Any, inputs: Inputs) -> tuple[Any, dict[str, float], bool]:
    """PyTorch's outputs, their float32 rounding by output, and whether hidden states could be recorded."""
    import torch

    with torch.no_grad():
        outputs, recorded = _run_torch(model, inputs)
        try:
            double, _ = _run_torch(copy.deepcopy(model).double(), _as_double(inputs))
        except RUN_ERRORS:  # code that insists on float32 has no float64 reference
            return outputs, {}, recorded
    return outputs, noise_between(outputs, double), recorded


def _run_torch(model: Any, inputs: Inputs) -> tuple[Any, bool]:
    tensors = torch_inputs(model, inputs)
    try:
        return model(**tensors, **RECORDED), True
    except TypeError:
        return model(**tensors), False


def _as_double(inputs: Inputs) -> Inputs:
    return {
        name: each_array(value, lambda array: array.astype(np.float64) if array.dtype.kind == "f" else array)
        for name, value in inputs.items()
    }


def _load(
    modeling: ModuleType, subject: Subject, case: Case, model: Any, folder: Path
) -> tuple[Any, dict[str, tuple[str, ...]], str]:
    """The port with the weights of the PyTorch model, what of these did not find its place, and why it failed."""
    name = type(model).__name__
    nothing: dict[str, tuple[str, ...]] = dict.fromkeys(LOADING, ())
    port_class = getattr(modeling, f"TF{name}", None)
    if port_class is None:
        return None, nothing, f"the file has no class TF{name}"
    try:
        if case.arguments is None:
            model.save_pretrained(folder)
            port, info = port_class.from_pretrained(str(folder), from_pt=True, output_loading_info=True)
        else:
            port = constructed_port(case, port_class, vars(importlib.import_module(subject.module_name)))
            info = port.load_torch_weights(save_weights(model, folder), strict=False).to_dict()
    except Exception as error:  # noqa: BLE001  # generated code may fail in any way, and that is the finding
        return None, nothing, where_it_failed(error)
    return port, {kind: tuple(map(str, info[f"{kind}_keys"])) for kind in LOADING}, ""


@dataclass(frozen=True)
class _Check:
    reference: Any
    noise: Mapping[str, float]
    comparable: bool

    def run(self, forward: Callable[[], Any]) -> Side:
        try:
            found: Comparison = compare(self.reference, forward(), noise=self.noise)
        except Exception as error:  # noqa: BLE001  # as above
            return Side(False, None, where_it_failed(error))
        if not self.comparable:
            return Side(True, found.max_abs, "it ran; PyTorch's own numbers are not repeatable here")
        return Side(found.matches, found.max_abs, "" if found.matches else found.sentence())


def run_port(port: Any, inputs: Inputs, recorded: bool) -> Any:
    """Call a port: arrays in a mapping, plain values by keyword (Keras takes no mapping of both)."""
    arrays, plain = split(inputs)
    flags = {name: True for name in RECORDED if recorded and name in inspect.signature(port.call).parameters}
    return port(arrays, **plain, **flags)


def _in_graph(port: Any, inputs: Inputs, other: Inputs, recorded: bool) -> Any:
    """Trace with the dimensions unknown that differ between the two inputs, run the other sizes, then these."""
    import tensorflow as tf

    (arrays, plain), (others, _) = split(inputs), split(other)
    signature = [input_signature(arrays, others)]
    graph = tf.function(lambda tensors: run_port(port, {**tensors, **plain}, recorded), input_signature=signature)
    graph(others)
    return graph(arrays)


def where_it_failed(error: BaseException) -> str:
    """The error in one line, with the innermost line of a generated file that led to it."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "modeling_tf_" in f.filename]
    text = str(error)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}: " if frames else _place_in(text)
    return f"{place}{type(error).__name__}: {_sentence(text)[:300]}"


def _place_in(message: str) -> str:
    """The innermost line of a generated file that a message names, as `tf.function` puts its traceback there."""
    places = re.findall(r'File "[^"]*?(modeling_tf_\w+\.py)", line (\d+)', message)
    return f"{places[-1][0]}:{places[-1][1]}: " if places else ""


def _sentence(message: str) -> str:
    """What happened, without the traceback before it and the arguments behind it."""
    text = _FRAME.sub("", _ARGUMENTS.sub("", _ANSI.sub("", message)))
    text = "\n".join(line.strip() for line in text.splitlines())
    text = re.split(_KERAS, text)[-1]
    named = list(_NAMED.finditer(text))
    text = text[named[-1].start() :] if named else text
    return " ".join(text.removeprefix("in user code:").split()) or " ".join(message.split())
