"""Whether a port that loads no checkpoint starts like a fresh PyTorch model: each tensor has the same distribution."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from porter.testing.model_pair import ModelPair
from porter.testing.verdict import Verdict

SEEDS = 3
"""How many fresh models of each side are compared."""

STANDARD_ERRORS = 6.0
"""How far means and deviations may be apart: by chance one in 500 million is further."""

_SHOWN = 3

Array = np.ndarray[Any, Any]
Weights = Mapping[str, Array]


@dataclass(frozen=True)
class Compared:
    """What was found of each tensor of a port, by PyTorch's name: why it differs, empty where it does not."""

    tensors: Mapping[str, str]

    @property
    def differing(self) -> dict[str, str]:
        """The tensors that differ, and why."""
        return {name: why for name, why in self.tensors.items() if why}


def starts_fresh(pair: ModelPair) -> Verdict:
    """Fresh models of both sides on the case's configuration, with the same constants and distributions."""
    config = pair.pytorch.config
    return verdict(compared(lambda: type(pair.pytorch)(config), lambda: type(pair.tensorflow).from_config(config)))


def verdict(found: Compared) -> Verdict:
    """The tensors that differ as one sentence."""
    differing = [f"{name} ({why})" for name, why in found.differing.items()]
    if not differing:
        return Verdict()
    more = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
    return Verdict(
        problem=f"Fresh weights are not drawn as PyTorch draws them: {'; '.join(differing[:_SHOWN])}{more}."
    )


def compared(pytorch: Callable[[], Any], tensorflow: Callable[[], Any], seeds: int = SEEDS) -> Compared:
    """Make fresh models of both sides from several seeds and compare each tensor of the port.

    Args:
        pytorch: makes a model of PyTorch.
        tensorflow: makes the port, built.
        seeds: how many of each.
    """
    import keras
    import torch

    from porter.runtime.model.names import named_variables

    expected: list[Weights] = []
    found: list[Weights] = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        np.random.seed(seed)
        expected.append({name: value.detach().float().numpy() for name, value in pytorch().state_dict().items()})
        keras.utils.set_random_seed(seed)
        named = named_variables(tensorflow())
        found.append({name: entry.layout.to_torch(entry.variable.numpy()) for name, entry in named.items()})
    return Compared({name: _compared(name, expected, found) for name in found[0]})


def _compared(name: str, expected: Sequence[Weights], found: Sequence[Weights]) -> str:
    if name not in expected[0]:
        return "PyTorch's model does not have it"
    wanted, drawn = (np.stack([np.asarray(each[name], np.float64) for each in side]) for side in (expected, found))
    if wanted.shape != drawn.shape:
        return f"its shape is {drawn.shape[1:]}, not {wanted.shape[1:]}"
    return difference(wanted, drawn)


def difference(wanted: Array, drawn: Array) -> str:
    """Why tensors of several seeds `(seeds, ...)` are not drawn alike, as a phrase; empty where nothing says so.

    Numbers that are the same for all seeds are constants, and equal to seven digits. Of the others, mean and standard
    deviation differ by at most `STANDARD_ERRORS` of their standard errors.
    """
    constant = (wanted == wanted[0]).all(axis=0)
    if not np.allclose(wanted[:, constant], drawn[:, constant], rtol=1e-6, atol=1e-7):
        return f"{_described(drawn[:, constant])} where PyTorch has {_described(wanted[:, constant])}"
    wanted, drawn = wanted[:, ~constant].ravel(), drawn[:, ~constant].ravel()
    if not wanted.size:
        return ""
    spread = math.sqrt((wanted.var() + drawn.var()) / wanted.size)
    if abs(wanted.mean() - drawn.mean()) > STANDARD_ERRORS * spread:
        return f"its mean is {drawn.mean():.3g}, not {wanted.mean():.3g}"
    error = math.sqrt(_variance_of_std(wanted) + _variance_of_std(drawn))
    if abs(wanted.std() - drawn.std()) > STANDARD_ERRORS * error:
        return f"its standard deviation is {drawn.std():.3g}, not {wanted.std():.3g}"
    return ""


def _variance_of_std(values: Array) -> float:
    """The variance of a sample's standard deviation, by the sample's fourth moment."""
    variance = values.var()
    if variance == 0:
        return 0.0
    fourth = ((values - values.mean()) ** 4).mean()
    return float(max(fourth - variance**2, 0.1 * variance**2) / (4 * values.size * variance))


def _described(values: Array) -> str:
    low, high = values.min(), values.max()
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
