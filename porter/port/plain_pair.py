"""A plain `nn.Module` and its TensorFlow twin as the command line names them, with the same weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from porter.base.early_checks import check_class, tf_file, torch_file
from porter.base.errors import UsageError
from porter.base.plain_options import PlainOptions
from porter.port.failure_text import where_it_failed
from porter.port.load import PortSource, load_class
from porter.subject.case import Case, InputSpec
from porter.subject.inputs.arrays import Inputs, numpy_inputs
from porter.subject.inputs.parse_input import parse_arguments, parse_input
from porter.subject.inputs.variation import checked_variation
from porter.subject.locate import Location, locate
from porter.subject.plain_modules import Given, checked, is_plain, module_classes, plain_cases, with_arguments
from porter.subject.ported_module import constructed_port, save_weights
from porter.subject.sample_file import keep_classes, read_sample
from porter.subject.state_dict import check_weights, load_state
from porter.subject.strong_weights import strengthen
from porter.subject.tiny import imported

FOLDER = "port"
GIVEN, MORE = "the inputs as given", "other numbers and sizes"


@dataclass(frozen=True)
class Named:
    """Both sides: `FILE[:CLASS]` each, the constructor's arguments, the inputs, and a file of PyTorch's weights.

    Without inputs they are made from what the first layers take; without weights strong ones are drawn; without a
    TensorFlow file the module is scaffolded. A sample says the arguments and inputs in their place.
    """

    torch: str
    tf: str | None = None
    arguments: Mapping[str, object] | None = None
    inputs: tuple[InputSpec, ...] = ()
    weights: Path | None = None
    sample: Path | None = None

    @classmethod
    def of(cls, options: PlainOptions, tf: str | None, more: Sequence[InputSpec] = ()) -> Named:
        """What the options of a command name, `more` being inputs that come from elsewhere.

        Raises:
            UsageError: arguments or an input cannot be read.
        """
        inputs = (*map(parse_input, options.inputs), *more)
        return cls(
            options.torch or "", tf, parse_arguments(options.arguments), inputs, options.weights, options.sample
        )

    @property
    def given(self) -> Given:
        """What is said of the PyTorch module."""
        return Given(self.arguments, self.inputs)


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
        file, class_name = torch_file(named.torch)
        if named.weights is not None:
            check_weights(named.weights)
        location = locate(str(file.resolve()))
        module = imported(location)
        if class_name:
            check_class(class_name, list(module_classes(module)), "class")
        if class_name and not is_plain(module, class_name):
            sentence = f"{class_name} is a model of transformers, which takes a configuration."
            raise UsageError(sentence, hint="--model FOLDER", place=str(file))
        classes = (class_name,) if class_name else ()
        if named.sample is not None:
            case = _of_sample(named.sample, location, module, classes)
        else:
            case = plain_cases(location, module, classes, named.given)[0]
        name = case.models[0].name
        tf, tf_class = tf_file(named.tf) if named.tf else (_scaffolded(named, file, name, scratch), None)
        return cls(case, location, module, PortSource(tf, tf_class or f"TF{name}"), named.weights, scratch)

    @property
    def scaffolded(self) -> tuple[Path, ...]:
        """The files of the port, where it was scaffolded."""
        return tuple(sorted(self.source.file.parent.glob("modeling_tf_*.py"))) if self.is_scaffolded else ()

    @property
    def is_scaffolded(self) -> bool:
        """Whether the TensorFlow file was written for this pair."""
        return self.source.file.is_relative_to(self.scratch)

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


def _of_sample(sample: Path, location: Location, module: ModuleType, classes: Sequence[str]) -> Case:
    """The first case of a sample that runs a plain module, one of these classes if any are named.

    Raises:
        UsageError: there is none.
    """
    cases, _ = read_sample(sample, location.name)
    for case in keep_classes(cases, classes) if classes else cases:
        models = tuple(model for model in case.models if is_plain(module, model.name))
        if models:
            return with_arguments(replace(case, models=models[:1]), module)
    hint = '"models": [{"name": ...}] with "arguments" and "inputs"'
    raise UsageError("The sample has no case of a plain nn.Module of this file.", hint=hint, place=str(sample))


def _scaffolded(named: Named, file: Path, class_name: str, scratch: Path) -> Path:
    """The TensorFlow file that `porter scaffold` writes of the module, unverified: it is compared right after."""
    from porter.port.chain import Options, run

    options = Options(str(file), scratch / FOLDER, (class_name,), named.sample, verify=False, given=named.given)
    return next(path for path in run(options).written if path.match("modeling_tf_*.py"))
