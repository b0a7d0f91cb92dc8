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

LAYERS, BATCH, QUERIES, CLASSES, BINS, NOISY = 3, 2, 6, 4, 8, 4
COSTS = {
    "class_cost": 1.5, "bbox_cost": 5, "giou_cost": 2, "bbox_loss_coefficient": 4, "giou_loss_coefficient": 3,
    "decoder_layers": LAYERS, "num_labels": CLASSES,
}  # fmt: skip
MATCHER = {
    "matcher_class_cost": 2, "matcher_bbox_cost": 5, "matcher_giou_cost": 2, "matcher_alpha": 0.25,
    "matcher_gamma": 2.0, "use_focal_loss": True, "weight_loss_vfl": 1.2, "weight_loss_bbox": 5,
    "weight_loss_giou": 2, "eos_coefficient": 1e-4, "focal_loss_alpha": 0.75, "focal_loss_gamma": 2.0,
    "num_labels": CLASSES,
}  # fmt: skip
EDGES = {"max_num_bins": BINS, "reg_scale": 4.0, "up": 0.5, "weight_loss_fgl": 0.15, "weight_loss_ddf": 1.5}
MATCHING = {"weight_loss_mal": 1.1, "mal_alpha": 0.4, "use_dense_one_to_one": True}
KINDS = {
    "softmax": ("ForObjectDetection", COSTS | {"eos_coefficient": 0.2}),
    "focal": ("ConditionalDetrForObjectDetection", COSTS | {"focal_alpha": 0.3}),
    "focal beside a coefficient": (
        "DeformableDetrForObjectDetection",
        COSTS | {"focal_alpha": 0.3, "eos_coefficient": 0.2},
    ),
    "groups": (
        "LwDetrForObjectDetection",
        COSTS | {"focal_alpha": 0.3, "class_loss_coefficient": 2, "group_detr": 2},
    ),
    "groups that leave a query over": (
        "LwDetrForObjectDetection",
        COSTS | {"focal_alpha": 0.3, "class_loss_coefficient": 2, "group_detr": 4},
    ),
    "phrases": (
        "GroundingDinoForObjectDetection",
        COSTS | {"focal_alpha": 0.3, "text_config": {}, "two_stage": False},
    ),
    "phrases of proposals": (
        "GroundingDinoForObjectDetection",
        COSTS | {"focal_alpha": 0.3, "text_config": {}, "two_stage": True},
    ),
    "varifocal": ("RTDetrForObjectDetection", MATCHER),
    "varifocal, matched by softmax": ("RTDetrForObjectDetection", MATCHER | {"use_focal_loss": False}),
    "edges": ("DFineForObjectDetection", MATCHER | EDGES),
    "matching": ("Deimv2ForObjectDetection", MATCHER | EDGES | MATCHING),
    "matching without dense pairs": (
        "Deimv2ForObjectDetection",
        MATCHER | EDGES | MATCHING | {"mal_alpha": None, "use_dense_one_to_one": False},
    ),
}
SEVERAL = [kind for kind in KINDS if kind.startswith(("varifocal", "edges", "matching"))]


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (3, 8), (9, 4), (5, 0), (0, 3)])
def test_the_sum_of_costs_is_least(shape):
    costs = np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)
    rows, columns = assignment(costs)
    expected = linear_sum_assignment(costs)
    np.testing.assert_array_equal(rows, expected[0])
    np.testing.assert_array_equal(columns, expected[1])


def drawn(kind, queries=QUERIES, seed=0):
    """Logits and boxes of layers, `(layers, batch, queries, ...)`, the labels, and what this loss takes besides."""
    draw = np.random.default_rng(seed)
    classes = 9 if kind.startswith("phrases") else CLASSES + (kind == "softmax")

    def logits(*shape):
        return draw.normal(size=shape).astype(np.float32)

    def boxes(*shape):
        return draw.uniform(0.1, 0.6, size=(*shape, 4)).astype(np.float32)

    labels = [{"class_labels": draw.integers(0, CLASSES, size=n), "boxes": boxes(n)} for n in (3, 1)]
    every = {"outputs_class": logits(LAYERS, BATCH, queries, classes), "outputs_coord": boxes(LAYERS, BATCH, queries)}
    more = {}
    if kind in SEVERAL:
        more = {"enc_topk_logits": logits(BATCH, QUERIES, classes), "enc_topk_bboxes": boxes(BATCH, QUERIES)}
        more["predicted_corners"] = logits(BATCH, LAYERS, queries, 4 * (BINS + 1))
        more["initial_reference_points"] = boxes(BATCH, LAYERS, queries)
    if kind.startswith("groups"):
        more = {"enc_outputs_class": logits(BATCH, QUERIES, classes), "enc_outputs_coord": boxes(BATCH, QUERIES)}
    if kind.startswith("phrases"):
        maps = [
            np.eye(CLASSES, classes, k=at, dtype=np.int64) + np.eye(CLASSES, classes, k=at + 2, dtype=np.int64)
            for at in (0, 1)
        ]
        mask = np.arange(classes) < 7
        more = {"label_maps": tuple(maps), "text_mask": np.broadcast_to(mask, (BATCH, QUERIES, classes)).copy()}
        more |= {"encoder_logits": logits(BATCH, QUERIES, classes), "encoder_pred_boxes": boxes(BATCH, QUERIES)}
    return every, labels, more


def computed(loss, config, every, labels, more, swapped):
    """What a loss gives: layers stand before the batch, or after it."""
    classes, boxes = every["outputs_class"], every["outputs_coord"]
    layers = {"outputs_class": swapped(classes), "outputs_coord": swapped(boxes)} if config.auxiliary_loss else {}
    return loss(classes[-1], labels, "cpu", boxes[-1], config, **layers, **more)


def of_torch(values):
    return tf.nest.map_structure(
        lambda value: torch.from_numpy(value) if isinstance(value, np.ndarray) else value, values
    )


def check(kind, config, every, labels, more):
    several = kind in SEVERAL
    axes = [1, 0, 2, 3] if several else [0, 1, 2, 3]
    name = KINDS[kind][0]
    expected, parts, earlier = computed(
        LOSS_MAPPING[name], config, *of_torch((every, labels, more)), lambda value: value.permute(axes)
    )

    def compute(every, labels, more):
        loss = loss_function("ForObjectDetection")
        total, parts, _ = computed(loss, config, every, labels, more, lambda value: tf.transpose(value, axes))
        return total, parts

    unknown = {"class_labels": tf.TensorSpec([None], tf.int64), "boxes": tf.TensorSpec([None, 4])}
    graph = tf.function(lambda labels: compute(every, labels, more), input_signature=[[unknown] * BATCH])
    given = tf.nest.map_structure(tf.constant, labels)
    for total, found in (compute(every, given, more), graph(given)):
        np.testing.assert_allclose(total, expected, rtol=3e-6)
        assert list(found) == list(parts)
        for part in parts:
            np.testing.assert_allclose(found[part], parts[part], rtol=8e-6, atol=1e-7, err_msg=part)
    return earlier


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("auxiliary", [False, True])
def test_losses_of_matched_objects(kind, auxiliary):
    config = SimpleNamespace(**KINDS[kind][1], auxiliary_loss=auxiliary)
    check(kind, config, *drawn(kind))


@pytest.mark.parametrize("kind", SEVERAL)
def test_losses_of_denoising_queries(kind):
    config = SimpleNamespace(**KINDS[kind][1], auxiliary_loss=True)
    every, labels, more = drawn(kind, NOISY + QUERIES)
    noise = {
        "dn_positive_idx": [np.array([3, 0, 2]), np.array([1])],
        "dn_num_group": 1,
        "dn_num_split": [NOISY, QUERIES],
    }
    check(kind, config, every, labels, more | {"denoising_meta_values": noise})


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_pytorch(kind):
    config = SimpleNamespace(**KINDS[kind][1], auxiliary_loss=True)
    every, labels, more = drawn(kind)
    axes = [1, 0, 2, 3] if kind in SEVERAL else [0, 1, 2, 3]
    variables = {name: tf.Variable(value) for name, value in every.items()}
    with tf.GradientTape() as tape:
        loss = loss_function("ForObjectDetection")
        total = computed(loss, config, variables, labels, more, lambda value: tf.transpose(value, axes))[0]
    found = tape.gradient(total, variables)
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in every.items()}
    loss = LOSS_MAPPING[KINDS[kind][0]]
    computed(loss, config, leaves, *of_torch((labels, more)), lambda value: value.permute(axes))[0].backward()
    for name, leaf in leaves.items():
        assert np.any(leaf.grad.numpy())
        np.testing.assert_allclose(found[name], leaf.grad, rtol=2e-5, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("extra", [{}, {"group_detr": 3}])
def test_another_loss_is_refused(extra):
    config = SimpleNamespace(**COSTS, **extra, auxiliary_loss=False)
    every, labels, _ = drawn("focal")
    with pytest.raises(Unsupported, match="has no TensorFlow counterpart"):
        loss_function("ForObjectDetection")(
            every["outputs_class"][-1], labels, None, every["outputs_coord"][-1], config
        )
