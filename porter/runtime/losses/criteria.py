"""The loss classes of `torch.nn`: options when made, `(input, target)` when called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from porter.runtime.losses import loss_functions as functional


@dataclass(frozen=True)
class CrossEntropyLoss:
    """See `functional.cross_entropy`."""

    weight: Any = None
    size_average: None = None
    ignore_index: int = -100
    reduce: None = None
    reduction: str = "mean"
    label_smoothing: float = 0.0

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return functional.cross_entropy(
            input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )


@dataclass(frozen=True)
class NLLLoss:
    """See `functional.nll_loss`."""

    weight: Any = None
    size_average: None = None
    ignore_index: int = -100
    reduce: None = None
    reduction: str = "mean"

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return functional.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


@dataclass(frozen=True)
class MSELoss:
    """See `functional.mse_loss`."""

    size_average: None = None
    reduce: None = None
    reduction: str = "mean"

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return functional.mse_loss(input, target, self.reduction)


@dataclass(frozen=True)
class L1Loss:
    """See `functional.l1_loss`."""

    size_average: None = None
    reduce: None = None
    reduction: str = "mean"

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return functional.l1_loss(input, target, self.reduction)


@dataclass(frozen=True)
class SmoothL1Loss:
    """See `functional.smooth_l1_loss`."""

    size_average: None = None
    reduce: None = None
    reduction: str = "mean"
    beta: float = 1.0

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return functional.smooth_l1_loss(input, target, self.reduction, self.beta)


@dataclass(frozen=True)
class HuberLoss:
    """See `functional.huber_loss`."""

    reduction: str = "mean"
    delta: float = 1.0

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return functional.huber_loss(input, target, self.reduction, self.delta)


@dataclass(frozen=True)
class BCEWithLogitsLoss:
    """See `functional.binary_cross_entropy_with_logits`."""

    weight: Any = None
    size_average: None = None
    reduce: None = None
    reduction: str = "mean"
    pos_weight: Any = None

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return functional.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)


@dataclass(frozen=True)
class BCELoss:
    """See `functional.binary_cross_entropy`."""

    weight: Any = None
    size_average: None = None
    reduce: None = None
    reduction: str = "mean"

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return functional.binary_cross_entropy(input, target, self.weight, self.reduction)


@dataclass(frozen=True)
class KLDivLoss:
    """See `functional.kl_div`."""

    size_average: None = None
    reduce: None = None
    reduction: str = "mean"
    log_target: bool = False

    def __call__(self, input: Any, target: Any) -> Any:
        """Compute the loss."""
        return functional.kl_div(input, target, self.reduction, self.log_target)


@dataclass(frozen=True)
class CTCLoss:
    """See `functional.ctc_loss`."""

    blank: int = 0
    reduction: str = "mean"
    zero_infinity: bool = False

    def __call__(self, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any) -> Any:
        """Compute the loss."""
        return functional.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )
