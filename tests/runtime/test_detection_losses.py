"""The losses of detectors give PyTorch's numbers, eagerly and in a graph that does not know the number of objects."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
import torch
from scipy.optimize import linear_sum_assignment
from transformers.loss.loss_utils import LOSS_MAPPING

from porter.runtime.losses import loss_function
from porter.runtime.losses.assignment import assignment
from porter.runtime.port_errors import Unsupported

COSTS = {
    "class_cost": 1.5, "bbox_cost": 5, "giou_cost": 2, "bbox_loss_coefficient": 4, "giou_loss_coefficient": 3,
    "decoder_layers": 3, "num_labels": 4,
}  # fmt: skip
KINDS = {
    "softmax": ("ForObjectDetection", {"eos_coefficient": 0.2}, 5),
    "focal": ("ConditionalDetrForObjectDetection", {"focal_alpha": 0.3}, 4),
}


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (3, 8), (9, 4), (5, 0), (0, 3)])
def test_the_sum_of_costs_is_least(shape):
    costs = np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)
    rows, columns = assignment(costs)
    expected = linear_sum_assignment(costs)
    np.testing.assert_array_equal(rows, expected[0])
    np.testing.assert_array_equal(columns, expected[1])


def outputs(classes, seed=0):
    draw = np.random.default_rng(seed)
    logits = draw.normal(size=(3, 2, 6, classes)).astype(np.float32)
    boxes = draw.uniform(0.1, 0.6, size=(3, 2, 6, 4)).astype(np.float32)
    labels = [
        {"class_labels": draw.integers(0, 4, size=n), "boxes": draw.uniform(0.1, 0.5, size=(n, 4)).astype(np.float32)}
        for n in (3, 1)
    ]
    return logits, boxes, labels


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("auxiliary", [False, True])
def test_losses_of_matched_objects(kind, auxiliary):
    name, extra, classes = KINDS[kind]
    config = SimpleNamespace(**COSTS, **extra, auxiliary_loss=auxiliary)
    logits, boxes, labels = outputs(classes)
    tensors = [{key: torch.from_numpy(value) for key, value in label.items()} for label in labels]
    last, places = torch.from_numpy(logits[-1]), torch.from_numpy(boxes[-1])
    layers = (torch.from_numpy(logits), torch.from_numpy(boxes)) if auxiliary else (None, None)
    expected, parts, _ = LOSS_MAPPING[name](last, tensors, "cpu", places, config, *layers)

    def compute(logits, boxes, labels):
        layers = (logits, boxes) if auxiliary else (None, None)
        return loss_function("ForObjectDetection")(logits[-1], labels, None, boxes[-1], config, *layers)[:2]

    unknown = {"class_labels": tf.TensorSpec([None], tf.int64), "boxes": tf.TensorSpec([None, 4])}
    specs = [tf.TensorSpec([3, 2, None, classes]), tf.TensorSpec([3, 2, None, 4]), [unknown, unknown]]
    for function in (compute, tf.function(compute, input_signature=specs)):
        given, found = function(tf.constant(logits), tf.constant(boxes), tf.nest.map_structure(tf.constant, labels))
        np.testing.assert_allclose(given, expected, rtol=2e-6)
        assert list(found) == list(parts)
        for part in parts:
            np.testing.assert_allclose(found[part], parts[part], rtol=5e-6, err_msg=part)


def test_gradients_pass_the_matching_by():
    config = SimpleNamespace(**COSTS, eos_coefficient=0.2, auxiliary_loss=False)
    logits, boxes, labels = outputs(5)
    variable = tf.Variable(boxes[-1])
    with tf.GradientTape() as tape:
        loss = loss_function("ForObjectDetection")(tf.constant(logits[-1]), labels, None, variable, config)[0]
    assert np.any(tape.gradient(loss, variable).numpy())


@pytest.mark.parametrize(
    "extra", [{}, {"eos_coefficient": 0.1, "focal_alpha": 0.2}, {"focal_alpha": 0.2, "group_detr": 3}]
)
def test_another_loss_is_refused(extra):
    config = SimpleNamespace(**COSTS, **extra, auxiliary_loss=False)
    logits, boxes, labels = outputs(4)
    with pytest.raises(Unsupported, match="has no TensorFlow counterpart"):
        loss_function("ForObjectDetection")(logits[-1], labels, None, boxes[-1], config)
