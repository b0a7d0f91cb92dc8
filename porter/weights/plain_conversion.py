"""A plain `nn.Module`'s weights as a weights file of Keras, read back and compared with PyTorch."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from diffcheck import noise_between
from diffcheck.record.torch_side import NO_FLOAT64, run, run_double
from diffcheck.record.values import Flattened, flatten
from porter.base import console
from porter.base.errors import LeftOver, UsageError
from porter.base.reasons import kind_and_reason
from porter.base.scratch import scratch_folder
from porter.port.call_port import call_port
from porter.port.failure_text import where_it_failed
from porter.port.plain_pair import GIVEN, MORE, Named, PlainPair
from porter.port.proves_nothing import proves_nothing
from porter.subject.inputs.arrays import Inputs
from porter.subject.torch_model import RUN_ERRORS
from porter.weights.convert.output_folder import check_free, whole_folder
from porter.weights.prove.differences import Bound, Noise, Verification, compared

FILE = "tf_model.weights.h5"
SHOWN = 5


@dataclass(frozen=True)
class Converted:
    """What was written, and how far each trial's outputs of the model that has read it are from PyTorch's.

    `ported` are the TensorFlow files beside the weights, where no other was named.
    """

    class_name: str
    file: Path
    verification: Verification
    ported: tuple[Path, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As one table."""
        return {
            "schema": 1,
            "class": self.class_name,
            "files": [str(file) for file in (self.file, *self.ported)],
            "trials": [result.trial for result in self.verification.results],
            "max_difference": self.verification.max_output,
            "rounding": self.verification.rounded(),
        }

    def sentences(self) -> list[str]:
        """What was proven, and how the file is loaded."""
        trials = " and on ".join(result.trial for result in self.verification.results)
        return [
            f"{self.class_name} with the weights read back matches PyTorch on {trials}.",
            f"greatest difference {self.verification.max_output:.1e}",
            *self.verification.rounded(),
            *(f"wrote {file}" for file in (self.file, *self.ported)),
            f"load it with model.build(); model.load_weights({str(self.file)!r})",
        ]


def convert_plain(named: Named, output: Path, max_error: float) -> Converted:
    """Write the weights of `named`, all of them, for the TensorFlow class.

    Args:
        named: both sides, with a file of PyTorch's weights.
        output: the folder to be made; nothing is left there if this fails.
        max_error: the greatest absolute difference; PyTorch's own rounding explains more.

    Raises:
        LeftOver: the outputs differ, or agreeing on them proves nothing.
        UsageError: something is not there or does not fit.
    """
    check_free(output)
    with scratch_folder() as scratch:
        pair = PlainPair.of(named, scratch)
        pytorch = pair.pytorch()
        trials = dict(zip((GIVEN, MORE), pair.inputs(pytorch), strict=True))
        expected = _reference(pytorch, trials)
        port = pair.tensorflow()
        with whole_folder(output) as folder:
            console.doing("the weights are written and read back")
            port.save_weights(folder / FILE)
            for written in pair.scaffolded:
                shutil.copy2(written, folder / written.name)
            bound = Bound(max_error)
            plain = compared(expected, _read_back(pair, folder / FILE, trials), bound)
            verification = _judged(plain, bound, partial(_rounding, pytorch, trials, expected))
            if not verification.matches:
                title = f"TensorFlow differs from PyTorch ({max_error:.0e} allowed); nothing was written."
                lines = [title, *verification.sentences()[:SHOWN]]
                raise LeftOver("\n  ".join(lines), hint="porter diff --torch FILE:CLASS --tf FILE names the line")
        ported = tuple(output / written.name for written in pair.scaffolded)
    return Converted(pair.source.class_name, output / FILE, verification, ported)


def _reference(pytorch: Any, trials: Mapping[str, Inputs]) -> dict[str, Flattened]:
    """PyTorch's outputs, by trial.

    Raises:
        UsageError: it does not run.
        LeftOver: agreeing on the outputs would prove nothing.
    """
    try:
        outputs = {name: run(pytorch, inputs) for name, inputs in trials.items()}
    except RUN_ERRORS as error:
        raise UsageError(
            f"PyTorch does not run on these inputs: {kind_and_reason(error)}", hint="--input NAME=SHAPE:TYPE"
        ) from error
    vain = proves_nothing(_arrays(outputs[GIVEN]))
    if vain:
        sentence = f"{'; '.join(vain)}: agreeing on it proves nothing, and nothing was written."
        raise LeftOver(sentence, hint="--input NAME=SHAPE:TYPE with other inputs")
    return outputs


def _read_back(pair: PlainPair, file: Path, trials: Mapping[str, Inputs]) -> dict[str, Flattened]:
    """The outputs of a new model that has loaded the file, by trial.

    Raises:
        LeftOver: it does not load it, or stops.
    """
    try:
        model = pair.new_tensorflow()
        model.build()
        model.load_weights(file)
        return {name: flatten(call_port(model, inputs)) for name, inputs in trials.items()}
    except UsageError:
        raise
    except Exception as error:  # a file written by hand may raise anything
        sentence = f"{pair.source.class_name} with the weights read back stops: {where_it_failed(error)}"
        raise LeftOver(f"{sentence}; nothing was written.", place=str(pair.source.file)) from error


def _judged(found: Verification, bound: Bound, noise: Callable[[], Noise]) -> Verification:
    """The verdict; PyTorch's own rounding is measured where the bound alone is passed."""
    if found.matches or not found.may_be_rounding:
        return found
    try:
        return found.within(replace(bound, noise=noise()))
    except NO_FLOAT64:
        return found


def _rounding(pytorch: Any, trials: Mapping[str, Inputs], single: Mapping[str, Flattened]) -> Noise:
    return {
        name: noise_between(_arrays(single[name]), _arrays(run_double(pytorch, inputs)))
        for name, inputs in trials.items()
    }


def _arrays(outputs: Flattened) -> dict[str, Any]:
    return {path: value.array for path, value in outputs.tensors.items()}
