"""A plain `nn.Module` and its TensorFlow twin as the command line names them, with the same weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from porter.base.early_checks import check_class, tf_file, torch_file
from porter.base.errors import UsageError
from porter.port.failure_text import where_it_failed
from porter.port.load import PortSource, load_class
from porter.subject.case import Case, InputSpec
from porter.subject.inputs.arrays import Inputs, numpy_inputs
from porter.subject.inputs.variation import checked_variation
from porter.subject.locate import Location, locate
from porter.subject.plain_modules import Given, checked, is_plain, module_classes, plain_cases
from porter.subject.ported_module import constructed_port, save_weights
from porter.subject.state_dict import check_weights, load_state
from porter.subject.strong_weights import strengthen
from porter.subject.tiny import imported

GIVEN, MORE = "the inputs as given", "other numbers and sizes"


@dataclass(frozen=True)
class Named:
    """Both sides: `FILE[:CLASS]` each, the constructor's arguments, the inputs, and a file of PyTorch's weights.

    Without inputs they are made from what the first layers take; without weights strong ones are drawn.
    """

    torch: str
    tf: str
    arguments: Mapping[str, object] | None = None
    inputs: tuple[InputSpec, ...] = ()
    weights: Path | None = None


@dataclass(frozen=True)
class PlainPair:
    """Makes both sides with the same arguments and weights, as often as it is asked to.

    Attributes:
        case: the class, its arguments and inputs.
        location: the PyTorch file.
        module: the same, imported.
        source: the TensorFlow file and class.
        weights: the file that both sides load; None where PyTorch's are drawn.
        scratch: folder for weights that were drawn.
    """

    case: Case
    location: Location
    module: ModuleType
    source: PortSource
    weights: Path | None
    scratch: Path

    @classmethod
    def of(cls, named: Named, scratch: Path) -> PlainPair:
        """Import the PyTorch file and find out on what it is run.

        Raises:
            UsageError: a file or class is not there, the class takes a configuration of transformers, or arguments
                and inputs do not fit it.
        """
        (file, class_name), (tf, tf_class) = torch_file(named.torch), tf_file(named.tf)
        if named.weights is not None:
            check_weights(named.weights)
        location = locate(str(file.resolve()))
        module = imported(location)
        if class_name:
            check_class(class_name, list(module_classes(module)), "class")
        if class_name and not is_plain(module, class_name):
            sentence = f"{class_name} is a model of transformers, which takes a configuration."
            raise UsageError(sentence, hint="--model FOLDER", place=str(file))
        given = Given(named.arguments, named.inputs)
        case = plain_cases(location, module, [class_name] if class_name else [], given)[0]
        source = PortSource(tf, tf_class or f"TF{case.models[0].name}")
        return cls(case, location, module, source, named.weights, scratch)

    def pytorch(self) -> Any:
        """The PyTorch module in float32 and in eval mode.

        Raises:
            UsageError: it cannot be constructed, or the weights do not fit it.
        """
        import torch

        torch.manual_seed(0)
        model = checked(self.case, getattr(self.module, self.case.models[0].name), self.location)
        if self.weights is not None:
            load_state(model, self.weights)
        else:
            strengthen(model)
        return model.float()

    def tensorflow(self) -> Any:
        """The TensorFlow model with PyTorch's weights.

        Raises:
            UsageError: it cannot be made, or does not load PyTorch's weights, all of them.
        """
        model = self.new_tensorflow()
        if not hasattr(model, "load_torch_weights"):
            sentence = f"{self.source.class_name} has no load_torch_weights to take PyTorch's weights."
            hint = "derive it from TFModule of porter.runtime, as ports are"
            raise UsageError(sentence, hint=hint, place=str(self.source.file))
        file = self.weights or save_weights(self.pytorch(), self.scratch)
        self._in_a_sentence(lambda: model.load_torch_weights(file))
        return model

    def new_tensorflow(self) -> Any:
        """The TensorFlow model with weights of its own, perhaps not yet built.

        Raises:
            UsageError: there is no such class, or it cannot be made with these arguments.
        """
        model_class = load_class(self.source)
        return self._in_a_sentence(lambda: constructed_port(self.case, model_class, vars(self.module)))

    def inputs(self, model: Any) -> tuple[Inputs, Inputs]:
        """The inputs as they were given, and others in other sizes, as far as PyTorch runs on them."""
        specs = self.case.inputs_of(self.case.models[0])
        return numpy_inputs(specs), checked_variation(model, specs)

    def _in_a_sentence(self, make: Callable[[], Any]) -> Any:
        """What is made; whatever the user's file raises meanwhile becomes one sentence."""
        try:
            return make()
        except UsageError:
            raise
        except Exception as error:  # a file written by hand may raise anything
            sentence = f"{self.source.class_name} cannot be made: {where_it_failed(error)}"
            raise UsageError(sentence, hint="--tf FILE:CLASS", place=str(self.source.file)) from error
