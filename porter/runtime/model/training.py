"""`compile` and `fit` for models that compute their own loss."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from porter.runtime.layers.checkpointed import TFGradientCheckpointingLayer
from porter.runtime.model.calling import without_caches
from porter.runtime.model.names import named_layers
from porter.runtime.outputs.model_output import TFModelOutput
from porter.runtime.port_errors import WrongValue


class TrainsOnOwnLoss(keras.Model):
    """A Keras model whose output carries the loss when labels are among its inputs.

    `model.compile(optimizer)` and `model.fit(batches)` with dictionaries of inputs and labels are enough; so is
    `fit(inputs, labels)`. A loss given to `compile` takes precedence.
    """

    _measured: tuple[str, ...] | None = None

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The compiled loss, or without one the mean of the loss in the output plus Keras' regularization losses.

        Raises:
            WrongValue: neither exists: no labels among the inputs.
        """
        if self.loss is not None:
            return super().compute_loss(x, y, _plain(y_pred), sample_weight, training)
        loss = y_pred.get("loss") if isinstance(y_pred, TFModelOutput) else None
        if loss is None:
            raise WrongValue(f"{type(self).__name__} returned no loss: give it labels, or compile a loss.")
        total = tf.add_n([tf.reduce_mean(loss), *(tf.cast(extra, loss.dtype) for extra in self.losses)])
        # Each replica sees its part of the batch, and Keras adds up what they return.
        return total / tf.cast(tf.distribute.get_strategy().num_replicas_in_sync, total.dtype)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Keras' own. Metrics also go with the model's own loss: of `logits`, or of what a dictionary names."""
        super().compile(*args, **kwargs)
        metrics = kwargs.get("metrics")
        self._measured = tuple(metrics) if isinstance(metrics, dict) else None

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The compiled metrics of an output's entries, by their names; with the own loss they see its `labels`."""
        outputs = _plain(y_pred)
        labels = x.get("labels") if isinstance(x, dict) else None
        if self.loss is None and labels is not None and isinstance(outputs, dict):
            if self._measured is not None:
                outputs = {name: outputs[name] for name in self._measured}
                y = dict.fromkeys(outputs, labels)
            else:
                outputs, y = outputs.get("logits"), labels
        return super().compute_metrics(x, y, outputs, sample_weight)

    def gradient_checkpointing_enable(self) -> None:
        """Train with less memory: layers that transformers marks for it are computed again for their gradients.

        Raises:
            WrongValue: the model has no such layer.
        """
        layers = self._checkpointed_layers()
        if not layers:
            raise WrongValue(f"{type(self).__name__} has no layer that gradient checkpointing is made for.")
        for layer in layers:
            layer.gradient_checkpointing = True
        self.train_function = None  # a graph that was made before

    def gradient_checkpointing_disable(self) -> None:
        """Keep inner results in memory again."""
        for layer in self._checkpointed_layers():
            layer.gradient_checkpointing = False
        self.train_function = None

    @property
    def is_gradient_checkpointing(self) -> bool:
        """Whether layers are computed again for their gradients."""
        return any(layer.gradient_checkpointing for layer in self._checkpointed_layers())

    def _checkpointed_layers(self) -> list[TFGradientCheckpointingLayer]:
        return [layer for _, layer in named_layers(self) if isinstance(layer, TFGradientCheckpointingLayer)]

    def train_step(self, data: Any) -> Any:
        """One step of `fit`, in which caches are not kept."""
        with without_caches():
            return super().train_step(self._with_labels(data))

    def test_step(self, data: Any) -> Any:
        """One step of `evaluate`."""
        return super().test_step(self._with_labels(data))

    def predict_step(self, data: Any) -> Any:
        """One step of `predict`; a cache is not part of what is predicted."""
        outputs = super().predict_step(data)
        if not isinstance(outputs, TFModelOutput):
            return outputs
        return type(outputs)(**{key: value for key, value in outputs.items() if key != "past_key_values"})

    def _with_labels(self, data: Any) -> Any:
        inputs, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        if self.loss is not None or labels is None or not isinstance(inputs, dict):
            return data
        given = labels if isinstance(labels, dict) else {"labels": labels}
        return keras.utils.pack_x_y_sample_weight({**inputs, **given}, None, weights)


def _plain(outputs: Any) -> Any:
    """An output as the dictionary that Keras' losses and metrics know."""
    return dict(outputs) if isinstance(outputs, TFModelOutput) else outputs
