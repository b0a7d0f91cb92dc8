"""Functions with a gradient of their own: what PyTorch writes as a class with `forward` and `backward`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from porter.runtime.port_errors import Unsupported


class FunctionContext:
    """What a `call` leaves for its `backward`: tensors, and any attribute that is set on it."""

    def __init__(self, number: int) -> None:
        self.needs_input_grad = (True,) * number
        self.saved_tensors: tuple[Any, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors for `saved_tensors`."""
        self.saved_tensors = tensors

    def mark_non_differentiable(self, *outputs: tf.Tensor) -> None:
        """PyTorch asks to be told; here `backward` is given zeros for such an output, and leaves them unused."""

    def set_materialize_grads(self, value: bool) -> None:
        """TensorFlow always gives `backward` tensors, as `True` asks for."""


class TFFunction:
    """Base of ported `torch.autograd.Function`s, which define `call(ctx, ...)` and `backward(ctx, ...)`.

    `apply` runs `call`; where a gradient is asked for, `backward` is given the gradients of the outputs, and gives
    those of the arguments, None for what is not a tensor.
    """

    @classmethod
    def apply(cls, *arguments: Any) -> Any:
        """What `call` gives for these arguments."""
        places = [at for at, given in enumerate(arguments) if isinstance(given, (tf.Tensor, keras.Variable))]

        @tf.custom_gradient
        def run(*tensors: tf.Tensor) -> Any:
            given = list(arguments)
            for at, tensor in zip(places, tensors, strict=True):
                given[at] = tensor
            context = FunctionContext(len(given))
            outputs = cls._outputs(context, given)

            def gradients(*upstream: tf.Tensor) -> list[tf.Tensor | None]:
                found = cls.backward(context, *upstream)
                listed = found if isinstance(found, (tuple, list)) else (found,)
                return [listed[at] for at in places]

            return outputs, gradients

        return run(*(tf.convert_to_tensor(arguments[at]) for at in places))

    @classmethod
    def _outputs(cls, context: FunctionContext, given: Sequence[Any]) -> Any:
        """The outputs, in both of PyTorch's forms: `call(ctx, ...)`, or `call(...)` beside a `setup_context`."""
        if not hasattr(cls, "setup_context"):
            return cls.call(context, *given)
        outputs = cls.call(*given)
        cls.setup_context(context, tuple(given), outputs)
        return outputs

    @staticmethod
    def call(*arguments: Any) -> Any:
        """The function itself, which a port defines."""
        raise Unsupported("a function with a gradient of its own defines call")

    @staticmethod
    def backward(context: FunctionContext, *gradients: tf.Tensor) -> Any:
        """The gradients of the arguments, which a port defines."""
        raise Unsupported("a function with a gradient of its own defines backward")
