"""Losses, as `torch.nn` and transformers define them."""

from porter.runtime.losses.criteria import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    CTCLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from porter.runtime.losses.head_losses import LOSS_MAPPING, loss_function, loss_type

__all__ = [
    "LOSS_MAPPING",
    "BCELoss",
    "BCEWithLogitsLoss",
    "CTCLoss",
    "CrossEntropyLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "NLLLoss",
    "SmoothL1Loss",
    "loss_function",
    "loss_type",
]
