"""Ports made by the whole chain, once per session, and models of both frameworks with the same weights."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from porter.port.chain import Options, Result, run
from porter.port.load import import_file
from porter.subject import Case, InputSpec, Subject
from porter.subject.find import find_subject
from porter.subject.inputs.arrays import Inputs, numpy_inputs
from porter.subject.torch_model import build_torch_model

SAMPLES = Path(__file__).parent
FAMILIES = ("bart", "bert", "convnext", "distilbert", "gpt2", "llama", "qwen3", "roberta", "t5", "vit", "wav2vec2")


@dataclass(frozen=True)
class Port:
    """One family: what `porter scaffold` wrote and found."""

    family: str
    result: Result

    @property
    def file(self) -> Path:
        return self.result.written[0]

    @cached_property
    def modeling(self) -> ModuleType:
        return import_file(self.file)

    @cached_property
    def subject(self) -> Subject:
        return find_subject(self.family, SAMPLES / f"{self.family}.json")

    def case_of(self, name: str) -> Case:
        """The first case that runs a class."""
        return next(case for case in self.subject.cases if any(model.name == name for model in case.models))

    def inputs(self, name: str) -> Inputs:
        """The class's own inputs."""
        case = self.case_of(name)
        return numpy_inputs(case.inputs_of(next(model for model in case.models if model.name == name)))

    def torch_model(self, name: str) -> Any:
        """The PyTorch model with strong weights, in eval mode."""
        return build_torch_model(self.subject, self.case_of(name), name)

    def tf_model(self, name: str, torch_model: Any, folder: Path) -> Any:
        """The port with the PyTorch model's weights."""
        torch_model.save_pretrained(folder)
        return getattr(self.modeling, f"TF{name}").from_pretrained(str(folder), from_pt=True)


def scaffold(family: str, folder: Path) -> Port:
    """Trace, rewrite, write and verify all classes of a family's cases."""
    return Port(family, run(Options(family, folder, sample=SAMPLES / f"{family}.json")))


def drawn(name: str, shape: tuple[int, ...], high: int) -> Inputs:
    """Labels below `high`."""
    return numpy_inputs([InputSpec(name, shape, "int64", {"kind": "randint", "low": 0, "high": high})], seed=5)
