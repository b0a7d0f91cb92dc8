"""Fully connected layers with something PyTorch-like about their weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from porter.runtime.keras_internals import forget_kernel
from porter.runtime.layers.kernel_parts import DirectionAndLength, KernelParts
from porter.runtime.port_errors import WrongValue


class TiedDense(keras.layers.Dense):
    """`torch.nn.Linear` that may share its weight with an embedding, as language-model heads do.

    An ordinary `keras.layers.Dense` until `borrow` is called; from then on it has no kernel of its own and multiplies
    with the transposed embedding matrix.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self._lender: Callable[[], keras.layers.Embedding] | None = None

    def borrow(self, embedding: keras.layers.Embedding | None) -> None:
        """Use the matrix of `embedding` (shape `(units, inputs)`) as weight; None gives the layer its own again.

        Raises:
            WrongValue: the embedding has another number of rows than this layer has units, or the layer is built
                without a kernel and shall get one.
        """
        if embedding is None:
            if self._lender is not None and self.built:
                raise WrongValue(f"{self.path} was built without a kernel of its own.")
            self._lender = None
            return
        if embedding.input_dim != self.units:
            raise WrongValue(f"{self.name} has {self.units} units, its embedding {embedding.input_dim} rows.")
        forget_kernel(self)
        # A function, because Keras would track a layer kept as attribute and own it twice.
        self._lender = lambda: embedding

    @property
    def borrows(self) -> bool:
        """Whether the weight belongs to an embedding."""
        return self._lender is not None

    @property
    def lender(self) -> keras.layers.Embedding | None:
        """The embedding whose weight this layer uses; None where it has its own."""
        return self._lender() if self._lender is not None else None

    @property
    def kernel(self) -> Any:
        """The weight in Keras' layout, `(inputs, units)`."""
        return tf.transpose(self._borrowed()) if self._lender is not None else super().kernel

    def _borrowed(self) -> Any:
        assert self._lender is not None
        return keras.ops.cast(self._lender().embeddings, self.compute_dtype)

    def build(self, input_shape: Any) -> None:
        """Add the weights that are not borrowed; the last size of `input_shape` is the number of inputs."""
        if self._lender is None:
            super().build(input_shape)
            return
        if self._lender().output_dim != input_shape[-1]:
            raise WrongValue(
                f"{self.name} gets {input_shape[-1]} inputs, its embedding has {self._lender().output_dim}."
            )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.units,), initializer=self.bias_initializer)
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Multiply and add: `(..., inputs)` to `(..., units)`."""
        if self._lender is None:
            return super().call(inputs, training=training)
        outputs = tf.linalg.matmul(inputs, self._borrowed(), transpose_b=True)
        if self.bias is not None:
            outputs = outputs + keras.ops.convert_to_tensor(self.bias)
        return self.activation(outputs) if self.activation is not None else outputs

    def save_own_variables(self, store: Any) -> None:
        """Keras' saving: a borrowed kernel is saved by its owner."""
        if self._lender is None:
            super().save_own_variables(store)
        else:
            keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store: Any) -> None:
        """Keras' loading, the reverse."""
        if self._lender is None:
            super().load_own_variables(store)
        else:
            keras.layers.Layer.load_own_variables(self, store)


class TFConv1D(keras.layers.Layer):
    """`transformers.pytorch_utils.Conv1D`: a dense layer whose weight is `(inputs, outputs)` in PyTorch too.

    Args:
        nf: number of outputs.
        nx: number of inputs.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __init__(self, nf: int, nx: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.nf, self.nx = nf, nx

    def build(self, input_shape: Any = None) -> None:
        """Add the weights."""
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        self.weight = self.add_weight(name="weight", shape=(self.nx, self.nf), initializer=initializer)
        self.bias = self.add_weight(name="bias", shape=(self.nf,), initializer="zeros")

    def call(self, x: Any) -> Any:
        """Multiply and add: `(..., nx)` to `(..., nf)`."""
        return keras.ops.matmul(x, self.weight) + self.bias

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The last size becomes `nf`."""
        return (*input_shape[:-1], self.nf)


class NormedDense(keras.layers.Dense):
    """`torch.nn.Linear` under weight or spectral normalisation: other weights make its kernel.

    Attributes:
        parts: these weights; by themselves, the kernel's direction and the lengths of its columns.
    """

    parts: KernelParts = DirectionAndLength(1)

    def build(self, input_shape: Any) -> None:
        """Add the weights; the last size of `input_shape` is the number of inputs."""
        self.parts.add(self, (int(input_shape[-1]), self.units))
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros") if self.use_bias else None
        self.built = True

    @property
    def kernel(self) -> Any:
        """The weight that the layer multiplies with."""
        return self.parts.kernel(self)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Multiply and add: `(..., inputs)` to `(..., units)`."""
        if training:
            self.parts.before_training_call(self)
        return super().call(inputs, training=training)

    def save_own_variables(self, store: Any) -> None:
        """Keras' saving: of the weights that there are."""
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store: Any) -> None:
        """Keras' loading, the reverse."""
        keras.layers.Layer.load_own_variables(self, store)
