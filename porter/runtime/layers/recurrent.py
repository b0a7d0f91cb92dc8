"""PyTorch's recurrent layers: several layers, both directions, given initial states; weights as PyTorch keeps them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from porter.runtime.ops.common import dropout, shape_list


class Recurrent(keras.layers.Layer):
    """What `RNN`, `LSTM` and `GRU` share.

    Args:
        input_size: the number of features of a step.
        hidden_size: the number of features of a state.
        num_layers: how many layers stand on each other.
        bias: whether there are biases.
        batch_first: `(batch, steps, features)` instead of `(steps, batch, features)`; states are never so.
        dropout: rate of what is dropped between layers in training.
        bidirectional: whether the steps are also gone through from the last to the first.
        kwargs: Keras' own: name, dtype, trainable.
    """

    gates = 1
    states = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.use_bias, self.batch_first, self.rate, self.bidirectional = bias, batch_first, dropout, bidirectional
        self.output_size = hidden_size

    def build(self, input_shape: Any = None) -> None:
        """Add the weights under PyTorch's names, `weight_ih_l0` and the like."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        rows, directions = self.gates * self.hidden_size, 2 if self.bidirectional else 1
        for layer, suffix in self._suffixes():
            size = self.input_size if layer == 0 else directions * self.output_size
            shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, size), "weight_hh": (rows, self.output_size)}
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if self.use_bias else {}
            shapes |= {"weight_hr": (self.output_size, self.hidden_size)} if self._projects() else {}
            for name, shape in shapes.items():
                start = keras.initializers.RandomUniform(-bound, bound)
                setattr(self, name + suffix, self.add_weight(name=name + suffix, shape=shape, initializer=start))

    def call(self, input: Any, hx: Any = None, training: bool | None = False) -> tuple[Any, Any]:
        """Go through the steps.

        Args:
            input: `(steps, batch, features)`, with `batch_first` `(batch, steps, features)`; without a batch rank 2.
            hx: the states before the first step, `(layers * directions, batch, features)`; zeros if None.
            training: whether to drop between layers.

        Returns:
            The last layer's state at each step, in the layout of the input, and the states after the last step.
        """
        batched = input.shape.rank == 3
        steps = input if batched else input[:, tf.newaxis]
        if batched and self.batch_first:
            steps = tf.transpose(steps, perm=[1, 0, 2])
        given = None if hx is None else [state if batched else state[:, tf.newaxis] for state in self._listed(hx)]
        last: list[list[Any]] = []
        for layer in range(self.num_layers):
            found = []
            for place, suffix in enumerate(self._directions(layer)):
                at = layer * (2 if self.bidirectional else 1) + place
                start = self._zeros(steps) if given is None else [state[at] for state in given]
                outputs, states = self._run(tf.reverse(steps, [0]) if place else steps, start, suffix)
                found.append(tf.reverse(outputs, [0]) if place else outputs)
                last.append(states)
            steps = tf.concat(found, axis=-1)
            if layer < self.num_layers - 1:
                steps = dropout(steps, self.rate, training=training)
        ends = [tf.stack(states) for states in zip(*last, strict=True)]
        ends = ends if batched else [state[:, 0] for state in ends]
        if batched and self.batch_first:
            steps = tf.transpose(steps, perm=[1, 0, 2])
        return steps if batched else steps[:, 0], self._as_given(ends)

    def step(self, projected: Any, states: list[Any], suffix: str) -> list[Any]:
        """The states after a step, the one that is put out first, from `input @ weight + bias` and those before it."""
        raise NotImplementedError

    def _run(self, steps: Any, states: list[Any], suffix: str) -> tuple[Any, list[Any]]:
        projected = self._dense(steps, "ih", suffix)
        count = tf.shape(projected)[0]
        outputs = tf.TensorArray(projected.dtype, size=count, element_shape=(None, self.output_size))

        def one(at: Any, found: Any, *before: Any) -> tuple[Any, ...]:
            after = self.step(projected[at], list(before), suffix)
            return at + 1, found.write(at, after[0]), *after

        loose = [tf.TensorShape([None, state.shape[-1]]) for state in states]
        _, outputs, *states = tf.while_loop(
            lambda at, *_: at < count,
            one,
            (tf.zeros_like(count), outputs, *states),
            shape_invariants=(tf.TensorShape([]), tf.TensorShape(None), *loose),
        )
        return outputs.stack(), list(states)

    def _dense(self, value: Any, which: str, suffix: str) -> Any:
        """`value @ weight + bias`, with the weight and bias of the input, `ih`, or of the states, `hh`."""
        product = tf.matmul(value, getattr(self, f"weight_{which}{suffix}"), transpose_b=True)
        return product + getattr(self, f"bias_{which}{suffix}") if self.use_bias else product

    def _zeros(self, steps: Any) -> list[Any]:
        return [tf.zeros((shape_list(steps)[1], size), steps.dtype) for size in self._sizes()]

    def _sizes(self) -> list[int]:
        return [self.output_size]

    def _projects(self) -> bool:
        return False

    def _directions(self, layer: int) -> list[str]:
        return [f"_l{layer}", f"_l{layer}_reverse"][: 2 if self.bidirectional else 1]

    def _suffixes(self) -> Iterator[tuple[int, str]]:
        yield from ((layer, suffix) for layer in range(self.num_layers) for suffix in self._directions(layer))

    def _listed(self, hx: Any) -> list[Any]:
        return [hx]

    def _as_given(self, states: list[Any]) -> Any:
        return states[0]


class RNN(Recurrent):
    """`torch.nn.RNN`; `nonlinearity` is `"tanh"` or `"relu"`."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", **kwargs: Any
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, **kwargs)
        self.nonlinearity = nonlinearity

    def step(self, projected: Any, states: list[Any], suffix: str) -> list[Any]:
        """The new state."""
        activation = tf.nn.relu if self.nonlinearity == "relu" else tf.tanh
        return [activation(projected + self._dense(states[0], "hh", suffix))]


class GRU(Recurrent):
    """`torch.nn.GRU`, whose reset gate works on the projected state."""

    gates = 3

    def step(self, projected: Any, states: list[Any], suffix: str) -> list[Any]:
        """The new state."""
        reset, update, new = tf.split(projected, 3, axis=-1)
        reset_state, update_state, new_state = tf.split(self._dense(states[0], "hh", suffix), 3, axis=-1)
        update = tf.sigmoid(update + update_state)
        candidate = tf.tanh(new + tf.sigmoid(reset + reset_state) * new_state)
        return [candidate + update * (states[0] - candidate)]


class LSTM(Recurrent):
    """`torch.nn.LSTM`; its states are a pair, and with `proj_size` what it puts out is projected to that size."""

    gates = 4

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, proj_size: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, **kwargs)
        self.proj_size = proj_size
        self.output_size = proj_size or hidden_size

    def step(self, projected: Any, states: list[Any], suffix: str) -> list[Any]:
        """The new output and cell."""
        gates = projected + self._dense(states[0], "hh", suffix)
        into, forget, new, out = tf.split(gates, 4, axis=-1)
        cell = tf.sigmoid(forget) * states[1] + tf.sigmoid(into) * tf.tanh(new)
        output = tf.sigmoid(out) * tf.tanh(cell)
        if self.proj_size:
            output = tf.matmul(output, getattr(self, f"weight_hr{suffix}"), transpose_b=True)
        return [output, cell]

    def _sizes(self) -> list[int]:
        return [self.output_size, self.hidden_size]

    def _projects(self) -> bool:
        return bool(self.proj_size)

    def _listed(self, hx: Any) -> list[Any]:
        return list(hx)

    def _as_given(self, states: list[Any]) -> Any:
        return tuple(states)


class RNNCell(RNN):
    """`torch.nn.RNNCell`: one step of `(batch, features)`, or of one row."""

    def _directions(self, layer: int) -> list[str]:
        return [""]

    def call(self, input: Any, hx: Any = None, training: bool | None = False) -> Any:
        """The state after the step."""
        return _one_step(self, input, hx)


class GRUCell(GRU):
    """`torch.nn.GRUCell`: one step of `(batch, features)`, or of one row."""

    def _directions(self, layer: int) -> list[str]:
        return [""]

    def call(self, input: Any, hx: Any = None, training: bool | None = False) -> Any:
        """The state after the step."""
        return _one_step(self, input, hx)


class LSTMCell(LSTM):
    """`torch.nn.LSTMCell`: one step of `(batch, features)`, or of one row."""

    def _directions(self, layer: int) -> list[str]:
        return [""]

    def call(self, input: Any, hx: Any = None, training: bool | None = False) -> Any:
        """The output and the cell after the step."""
        return _one_step(self, input, hx)


def _one_step(cell: Recurrent, input: Any, hx: Any) -> Any:
    batched = input.shape.rank == 2
    rows = input if batched else input[tf.newaxis]
    if hx is None:
        states = cell._zeros(rows[tf.newaxis])
    else:
        states = [state if batched else state[tf.newaxis] for state in cell._listed(hx)]
    after = cell.step(cell._dense(rows, "ih", ""), states, "")
    return cell._as_given(after if batched else [state[0] for state in after])
