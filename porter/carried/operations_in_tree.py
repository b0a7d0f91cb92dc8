"""Operations that Keras 2 does not have."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def hardswish(x: Any) -> Any:
    """`torch.nn.functional.hardswish`."""
    return x * tf.nn.relu6(x + 3.0) / 6.0
