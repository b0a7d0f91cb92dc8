"""The loss classes of `torch.nn`: options when made, `(input, target)` when called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from porter.runtime.losses.loss_functions import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    ctc_loss,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)


@dataclass(frozen=True)
class CrossEntropyLoss:
    """See `cross_entropy`."""

    weight: Any = None
    size_average: None = None
    ignore_index: int = -100
    reduce: None = None
    reduction: str = "mean"
    label_smoothing: float = 0.0

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)


@dataclass(frozen=True)
class NLLLoss:
    """See `nll_loss`."""

    weight: Any = None
    size_average: None = None
    ignore_index: int = -100
    reduce: None = None
    reduction: str = "mean"

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


@dataclass(frozen=True)
class MSELoss:
    """See `mse_loss`."""

    size_average: None = None
    reduce: None = None
    reduction: str = "mean"

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return mse_loss(input, target, self.reduction)


@dataclass(frozen=True)
class L1Loss:
    """See `l1_loss`."""

    size_average: None = None
    reduce: None = None
    reduction: str = "mean"

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return l1_loss(input, target, self.reduction)


@dataclass(frozen=True)
class SmoothL1Loss:
    """See `smooth_l1_loss`."""

    size_average: None = None
    reduce: None = None
    reduction: str = "mean"
    beta: float = 1.0

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return smooth_l1_loss(input, target, self.reduction, self.beta)


@dataclass(frozen=True)
class HuberLoss:
    """See `huber_loss`."""

    reduction: str = "mean"
    delta: float = 1.0

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return huber_loss(input, target, self.reduction, self.delta)


@dataclass(frozen=True)
class BCEWithLogitsLoss:
    """See `binary_cross_entropy_with_logits`."""

    weight: Any = None
    size_average: None = None
    reduce: None = None
    reduction: str = "mean"
    pos_weight: Any = None

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)


@dataclass(frozen=True)
class BCELoss:
    """See `binary_cross_entropy`."""

    weight: Any = None
    size_average: None = None
    reduce: None = None
    reduction: str = "mean"

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return binary_cross_entropy(input, target, self.weight, self.reduction)


@dataclass(frozen=True)
class KLDivLoss:
    """See `kl_div`."""

    size_average: None = None
    reduce: None = None
    reduction: str = "mean"
    log_target: bool = False

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return kl_div(input, target, self.reduction, self.log_target)


@dataclass(frozen=True)
class CTCLoss:
    """See `ctc_loss`."""

    blank: int = 0
    reduction: str = "mean"
    zero_infinity: bool = False

    def __call__(self, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any) -> Any:
        """Compute the loss."""
        return ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )
