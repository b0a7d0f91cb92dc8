"""Which prediction of a detector goes with which object of an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from porter.runtime.losses.assignment import assignment
from porter.runtime.losses.detection_boxes import corners, generalized_overlaps

Labels = Sequence[Mapping[str, Any]]
"""For each image its `class_labels`, `(objects,)`, and `boxes`, `(objects, 4)`: centre, width and height, 0 to 1."""

Outputs = Mapping[str, Any]
"""What one layer predicts: `logits`, `(batch, queries, classes)`, and `pred_boxes`, `(batch, queries, 4)`."""

Pairs = Sequence[tuple[Any, Any]]
"""For each image the queries that have an object, and which object each has."""


@dataclass(frozen=True)
class Matched:
    """The predictions of a batch that have an object, and the objects, in the same order."""

    places: Any
    """`(objects, 2)`: the image and the query of each."""

    classes: Any
    """`(objects,)`."""

    boxes: Any
    """`(objects, 4)`: where the object is."""

    sizes: Any
    """`(batch,)`: how many objects each image has."""

    def of(self, predictions: Any) -> Any:
        """What was predicted for each object, of predictions `(batch, queries, ...)`."""
        return tf.gather_nd(predictions, self.places)

    def spread(self, values: Any, queries: Any) -> Any:
        """Values of the objects where their queries are, elsewhere those of `queries`, `(batch, queries)`."""
        return tf.tensor_scatter_nd_update(queries, self.places, values)

    def hot(self, logits: Any) -> Any:
        """1 for the class of each object where its query is, 0 elsewhere, like logits."""
        none = tf.fill(tf.shape(logits)[:2], tf.constant(-1, tf.int64))
        return tf.one_hot(self.spread(self.classes, none), tf.shape(logits)[-1], dtype=logits.dtype)


@dataclass(frozen=True)
class Costs:
    """What it costs to give a prediction to an object."""

    of_class: float
    of_distance: float
    of_overlap: float
    class_costs: Callable[[Any, Any], Any]
    """Logits `(queries, classes)` of an image and what tells classes: the costs, `(queries, objects)`."""

    groups: int = 1
    """Each of so many groups of queries predicts every object."""


def matched(outputs: Outputs, labels: Labels, pairs: Pairs) -> Matched:
    """The pairs of all images as one."""
    dtype = outputs["pred_boxes"].dtype
    taken = [
        (label["class_labels"], label["boxes"], columns) for label, (_, columns) in zip(labels, pairs, strict=True)
    ]
    places = [
        tf.stack([tf.fill(tf.shape(rows), at), tf.cast(rows, tf.int32)], -1) for at, (rows, _) in enumerate(pairs)
    ]
    return Matched(
        places=tf.concat(places, axis=0),
        classes=tf.concat([tf.gather(tf.cast(classes, tf.int64), at) for classes, _, at in taken], axis=0),
        boxes=tf.concat([tf.gather(tf.cast(boxes, dtype), at) for _, boxes, at in taken], axis=0),
        sizes=tf.stack([tf.shape(label["class_labels"])[0] for label in labels]),
    )


def match(outputs: Outputs, labels: Labels, costs: Costs) -> Pairs:
    """The pairs with the least sum of costs, for each image; no gradient passes here."""
    logits, boxes = tf.stop_gradient(outputs["logits"]), tf.stop_gradient(outputs["pred_boxes"])
    maps = outputs.get("label_maps", [None] * len(labels))
    return [
        _pairs(_matrix(logits[at], boxes[at], label, maps[at], costs), costs.groups) for at, label in enumerate(labels)
    ]


def _matrix(logits: Any, boxes: Any, label: Mapping[str, Any], tokens: Any, costs: Costs) -> Any:
    true = tf.cast(label["boxes"], boxes.dtype)
    classes = tf.cast(label["class_labels"], tf.int64)
    of_class = costs.class_costs(logits, classes if tokens is None else tf.gather(tokens, classes))
    apart = tf.reduce_sum(tf.abs(boxes[:, None] - true[None]), axis=-1)
    overlap = generalized_overlaps(corners(boxes)[:, None], corners(true)[None])
    matrix = costs.of_distance * apart + costs.of_class * of_class - costs.of_overlap * overlap
    return tf.where(tf.math.is_finite(matrix), matrix, matrix.dtype.max)


def _pairs(matrix: Any, groups: int) -> tuple[Any, Any]:
    def assigned(matrix: Any) -> tuple[Any, Any]:
        size = len(matrix) // groups  # what is left over belongs to no group
        found = [assignment(matrix[at * size : (at + 1) * size]) for at in range(groups)]
        rows = np.concatenate([rows + at * size for at, (rows, _) in enumerate(found)])
        return rows, np.concatenate([columns for _, columns in found])

    rows, columns = tf.numpy_function(assigned, [matrix], [tf.int64, tf.int64])
    return tf.ensure_shape(rows, [None]), tf.ensure_shape(columns, [None])


def union(pairs: Pairs, others: Sequence[Pairs]) -> Pairs:
    """For each image each query's object in most of the layers' pairs; of several with as many, the first in order."""

    def most_frequent(queries: Any, objects: Any) -> tuple[Any, Any]:
        different, counts = np.unique(np.stack([queries, objects], axis=1), axis=0, return_counts=True)
        chosen: dict[int, int] = {}
        for query, thing in different[np.argsort(-counts, kind="stable")]:
            chosen.setdefault(int(query), int(thing))
        return np.array(list(chosen), np.int64), np.array(list(chosen.values()), np.int64)

    together = []
    for image in zip(pairs, *others, strict=True):
        every = [tf.concat([pair[side] for pair in image], axis=0) for side in (0, 1)]
        rows, columns = tf.numpy_function(most_frequent, every, [tf.int64, tf.int64])
        together.append((tf.ensure_shape(rows, [None]), tf.ensure_shape(columns, [None])))
    return together
