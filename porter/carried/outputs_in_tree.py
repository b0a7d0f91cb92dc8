"""What a caller is given by transformers' TensorFlow classes."""

from __future__ import annotations

import tensorflow as tf

from porter.runtime.outputs.model_output import TFModelOutput


def for_caller(output: TFModelOutput) -> TFModelOutput:
    """The output of the outermost call: its loss is (1,), since `fit` counts what stands along its first axis."""
    loss = output.get("loss")
    if loss is not None and loss.shape.rank == 0:
        output["loss"] = tf.reshape(loss, (1,))
    return output
