"""What torch.nn.functional has and TensorFlow lacks, in PyTorch's layout (channels first)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from porter.runtime.ops.common import dropout, shape_list
from porter.runtime.port_errors import WrongValue


def glu(tensor: Any, axis: int = -1) -> Any:
    """`torch.nn.functional.glu`: the first half gated by the second."""
    value, gate = tf.split(tensor, 2, axis=axis)
    return value * tf.sigmoid(gate)


def layer_norm(
    tensor: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """`torch.nn.functional.layer_norm` over the last `len(normalized_shape)` axes."""
    axes = list(range(-len(list(normalized_shape)), 0))
    mean, variance = tf.nn.moments(tensor, axes, keepdims=True)
    return tf.nn.batch_normalization(tensor, mean, variance, bias, weight, eps)


def rms_norm(tensor: Any, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None) -> Any:
    """`torch.nn.functional.rms_norm`; without `eps` the dtype's smallest step counts."""
    axes = list(range(-len(list(normalized_shape)), 0))
    eps = float(tf.experimental.numpy.finfo(tensor.dtype).eps) if eps is None else eps
    normed = tensor * tf.math.rsqrt(tf.reduce_mean(tf.square(tensor), axis=axes, keepdims=True) + eps)
    return normed if weight is None else normed * weight


def group_norm(tensor: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """`torch.nn.functional.group_norm` of a tensor `(batch, channels, ...)`."""
    shape = shape_list(tensor)
    grouped = tf.reshape(tensor, [shape[0], num_groups, -1])
    mean, variance = tf.nn.moments(grouped, [2], keepdims=True)
    normed = tf.reshape((grouped - mean) * tf.math.rsqrt(variance + eps), shape)
    per_channel = [1, -1, *[1] * (len(shape) - 2)]
    normed = normed if weight is None else normed * tf.reshape(weight, per_channel)
    return normed if bias is None else normed + tf.reshape(bias, per_channel)


def batch_norm(
    tensor: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """`torch.nn.functional.batch_norm` outside training, of a tensor `(batch, channels, ...)`."""
    per_channel = [1, -1, *[1] * (tensor.shape.rank - 2)]
    mean, variance, scale, offset = (
        None if part is None else tf.reshape(part, per_channel) for part in (running_mean, running_var, weight, bias)
    )
    return tf.nn.batch_normalization(tensor, mean, variance, offset, scale, eps)


def gumbel_softmax(logits: Any, tau: float = 1.0, hard: bool = False, axis: int = -1) -> Any:
    """`torch.nn.functional.gumbel_softmax`; `hard` rounds to one-hot and keeps the gradient of the soft values."""
    noise = -tf.math.log(-tf.math.log(tf.random.uniform(tf.shape(logits), minval=1e-20, dtype=logits.dtype)))
    soft = tf.nn.softmax((logits + noise) / tau, axis=axis)
    if not hard:
        return soft
    rounded = tf.one_hot(tf.argmax(soft, axis=axis), tf.shape(soft)[axis], axis=axis, dtype=soft.dtype)
    return tf.stop_gradient(rounded - soft) + soft


def embedding_bag(indices: Any, weight: Any, per_sample_weights: Any = None, mode: str = "mean") -> Any:
    """`torch.nn.functional.embedding_bag` of indices `(bags, size)`: the rows of each bag as sum, mean or max."""
    rows = tf.gather(weight, indices)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights[..., tf.newaxis]
    reduce = {"sum": tf.reduce_sum, "mean": tf.reduce_mean, "max": tf.reduce_max}[mode]
    return reduce(rows, axis=1)


def pad_sequence(sequences: Sequence[Any], batch_first: bool = False, padding_value: float = 0.0) -> Any:
    """`torch.nn.utils.rnn.pad_sequence`: sequences of different length, filled up to the longest."""
    longest = tf.reduce_max([tf.shape(sequence)[0] for sequence in sequences])
    padded = [
        tf.pad(
            sequence,
            [[0, longest - tf.shape(sequence)[0]], *[[0, 0]] * (sequence.shape.rank - 1)],
            constant_values=tf.cast(padding_value, sequence.dtype),
        )
        for sequence in sequences
    ]
    return tf.stack(padded, axis=0 if batch_first else 1)


def cosine_similarity(first: Any, second: Any, axis: int = 1, eps: float = 1e-8) -> Any:
    """`torch.nn.functional.cosine_similarity`."""
    lengths = [tf.maximum(tf.norm(side, axis=axis), eps) for side in (first, second)]
    return tf.reduce_sum(first * second, axis=axis) / (lengths[0] * lengths[1])


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """`torch.nn.functional.scaled_dot_product_attention`; the last axes are positions and features.

    A query to which the mask leaves no key gives zeros.
    """
    if enable_gqa:
        repeats = shape_list(query)[-3] // shape_list(key)[-3]
        key, value = tf.repeat(key, repeats, axis=-3), tf.repeat(value, repeats, axis=-3)
    factor = tf.math.rsqrt(tf.cast(shape_list(query)[-1], query.dtype)) if scale is None else scale
    scores = tf.matmul(query, key, transpose_b=True) * factor
    if is_causal:
        attn_mask = tf.linalg.band_part(tf.ones(tf.shape(scores)[-2:], tf.bool), -1, 0)
    if attn_mask is not None and attn_mask.dtype == tf.bool:
        scores = tf.where(attn_mask, scores, -math.inf)
    elif attn_mask is not None:
        scores = scores + attn_mask
    empty = tf.reduce_all(tf.equal(scores, -math.inf), axis=-1, keepdims=True)
    weights = tf.nn.softmax(tf.where(empty, tf.zeros_like(scores), scores), axis=-1)  # no NaN, in gradients neither
    weights = tf.where(empty, tf.zeros_like(weights), weights)
    return tf.matmul(dropout(weights, dropout_p, training=True), value)


def interpolate(
    images: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:
    """`torch.nn.functional.interpolate` of `(batch, channels, ...)`: every axis is a product with a matrix.

    Modes: nearest, nearest-exact, linear, bilinear, trilinear, bicubic, area (whole factors).
    """
    axes = range(2, images.shape.rank)
    dtype = images.dtype
    images = tf.cast(images, tf.float32) if dtype != tf.float64 else images
    for order, axis in enumerate(axes):
        old = shape_list(images)[axis]
        scale = _item(scale_factor, order)
        wanted = _item(size, order)
        new = wanted if wanted is not None else _floor(old, scale)
        ratio = 1.0 / scale if scale is not None and not recompute_scale_factor else None
        images = _resized(images, axis, (old, new, ratio), mode, bool(align_corners), antialias)
    return tf.cast(images, dtype)


def _item(value: Any, order: int) -> Any:
    if isinstance(value, Sequence):
        return value[order] if len(value) > 1 else value[0]
    return value[order] if tf.is_tensor(value) and value.shape.rank == 1 else value


def _floor(size: Any, scale: Any) -> Any:
    if isinstance(size, int):
        return math.floor(size * scale)
    return tf.cast(tf.floor(tf.cast(size, tf.float64) * scale), tf.int64)


def _resized(
    images: Any, axis: int, sizes: tuple[Any, Any, float | None], mode: str, align_corners: bool, antialias: bool
) -> Any:
    old, new, ratio = sizes
    if mode in ("nearest", "nearest-exact"):
        return tf.gather(images, _nearest(old, new, ratio, exact=mode == "nearest-exact"), axis=axis)
    if mode == "area":
        weights = _area(old, new, images.dtype)
    elif antialias:
        weights = _antialiased(old, new, ratio, align_corners, images.dtype, cubic=mode == "bicubic")
    else:
        weights = _weights(old, new, ratio, align_corners, images.dtype, cubic=mode == "bicubic")
    perm = [*[n for n in range(images.shape.rank) if n != axis], axis]
    back = [perm.index(n) for n in range(images.shape.rank)]
    return tf.transpose(tf.matmul(tf.transpose(images, perm), weights, transpose_b=True), back)


def _nearest(old: Any, new: Any, ratio: float | None, exact: bool) -> Any:
    step = tf.cast(old, tf.float32) / tf.cast(new, tf.float32) if ratio is None else tf.constant(ratio, tf.float32)
    places = (tf.cast(tf.range(tf.cast(new, tf.int64)), tf.float32) + (0.5 if exact else 0.0)) * step
    return tf.minimum(tf.cast(tf.floor(places), tf.int64), tf.cast(old, tf.int64) - 1)


def _weights(old: Any, new: Any, ratio: float | None, align_corners: bool, dtype: Any, cubic: bool) -> Any:
    """The matrix `(new, old)` of linear or cubic interpolation along one axis."""
    places = _source_places(old, new, ratio, align_corners, dtype)
    places = places if cubic else tf.maximum(places, 0)
    first = tf.floor(places)
    part = places - first
    offsets, kernel = _taps(cubic)
    last = tf.cast(old, tf.int64) - 1
    matrix = tf.zeros([tf.cast(new, tf.int64), tf.cast(old, tf.int64)], dtype)
    for offset in offsets:
        weight = kernel(tf.abs(part - offset))
        column = tf.clip_by_value(tf.cast(first, tf.int64) + offset, 0, last)
        matrix += weight[:, tf.newaxis] * tf.one_hot(column, tf.cast(old, tf.int32), dtype=dtype)
    return matrix


def _antialiased(old: Any, new: Any, ratio: float | None, align_corners: bool, dtype: Any, cubic: bool) -> Any:
    """The same with a kernel as much wider as the image becomes smaller, as Pillow has it."""
    step = _step(old, new, ratio, align_corners, dtype)
    wider = tf.maximum(step, 1)
    radius = (2 if cubic else 1) * wider
    centres = (tf.cast(tf.range(tf.cast(new, tf.int64)), dtype) + 0.5)[:, tf.newaxis] * step
    columns = tf.cast(tf.range(tf.cast(old, tf.int64)), dtype)
    distance = tf.abs(columns + 0.5 - centres) / wider
    weights = _cubic(distance, -0.5) if cubic else 1 - distance
    inside = tf.logical_and(columns >= tf.floor(centres - radius + 0.5), columns < tf.floor(centres + radius + 0.5))
    weights = tf.where(tf.logical_and(inside, distance < radius / wider), weights, 0)
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)


def _source_places(old: Any, new: Any, ratio: float | None, align_corners: bool, dtype: Any) -> Any:
    places = tf.cast(tf.range(tf.cast(new, tf.int64)), dtype)
    step = _step(old, new, ratio, align_corners, dtype)
    return places * step if align_corners else (places + 0.5) * step - 0.5


def _step(old: Any, new: Any, ratio: float | None, align_corners: bool, dtype: Any) -> Any:
    """Pixels of the old image from one pixel of the new one to the next."""
    olds, news = tf.cast(old, dtype), tf.cast(new, dtype)
    if align_corners:
        return tf.where(news > 1, (olds - 1) / tf.maximum(news - 1, 1), 0)
    return olds / news if ratio is None else tf.cast(ratio, dtype)


def _taps(cubic: bool) -> tuple[range, Callable[[Any], Any]]:
    """Which pixels count, from the one before the place on, and how much by their distance."""
    return (range(-1, 3), _cubic) if cubic else (range(2), _linear)


def _linear(distance: Any) -> Any:
    """The kernel of linear interpolation."""
    return 1 - distance


def _cubic(distance: Any, a: float = -0.75) -> Any:
    """Keys' kernel, with PyTorch's a; it is another where the kernel is widened."""
    near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
    far = ((distance - 5) * distance + 8) * distance * a - 4 * a
    return tf.where(distance <= 1, near, far)


def _area(old: Any, new: Any, dtype: Any) -> Any:
    """Averages over the source range of every target position (adaptive average pooling)."""
    old, new = tf.cast(old, tf.int64), tf.cast(new, tf.int64)
    places = tf.range(new)
    start, end = places * old // new, ((places + 1) * old + new - 1) // new
    columns = tf.range(old)
    inside = tf.logical_and(columns >= start[:, tf.newaxis], columns < end[:, tf.newaxis])
    return tf.cast(inside, dtype) / tf.cast(end - start, dtype)[:, tf.newaxis]


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def unfold(images: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """`torch.nn.functional.unfold`: patches of `(batch, channels, height, width)` as columns."""
    (rows, columns), (dr, dc), (pr, pc), (sr, sc) = map(_pair, (kernel_size, dilation, padding, stride))
    images = tf.pad(tf.transpose(images, [0, 2, 3, 1]), [[0, 0], [pr, pr], [pc, pc], [0, 0]])
    patches = tf.image.extract_patches(images, [1, rows, columns, 1], [1, sr, sc, 1], [1, dr, dc, 1], padding="VALID")
    batch, height, width, _ = shape_list(patches)
    parts = tf.reshape(patches, [batch, height * width, rows * columns, images.shape[-1]])
    return tf.reshape(tf.transpose(parts, [0, 3, 2, 1]), [batch, images.shape[-1] * rows * columns, height * width])


def fold(
    columns: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    """`torch.nn.functional.fold`: overlapping patches add up; the inverse direction of `unfold`."""
    rows, width = _pair(kernel_size)
    height_out, width_out = output_size
    batch, features, _ = shape_list(columns)
    channels = features // (rows * width)
    pixels = tf.reshape(tf.range(1, height_out * width_out + 1, dtype=tf.int64), [1, 1, height_out, width_out])
    places = unfold(pixels, kernel_size, dilation, padding, stride)[0]  # 0 is padding
    flat = tf.reshape(columns, [batch, channels, -1])
    summed = tf.math.unsorted_segment_sum(
        tf.transpose(flat, [2, 0, 1]), tf.reshape(places, [-1]), height_out * width_out + 1
    )
    return tf.reshape(tf.transpose(summed[1:], [1, 2, 0]), [batch, channels, height_out, width_out])


def grid_sample(
    images: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Any:
    """`torch.nn.functional.grid_sample` of `(batch, channels, height, width)` at `(batch, h, w, 2)` in [-1, 1].

    Modes: bilinear, nearest, bicubic; paddings: zeros, border.
    """
    if mode not in ("bilinear", "nearest", "bicubic") or padding_mode not in ("zeros", "border"):
        raise WrongValue(f"grid_sample does not know mode {mode!r} with padding {padding_mode!r}.")
    height, width = (tf.cast(size, images.dtype) for size in shape_list(images)[2:])
    x, y = _pixels(grid[..., 0], width, align_corners), _pixels(grid[..., 1], height, align_corners)
    border = padding_mode == "border"
    if border and mode != "bicubic":
        x, y = tf.clip_by_value(x, 0, width - 1), tf.clip_by_value(y, 0, height - 1)
    channels_last = tf.transpose(images, [0, 2, 3, 1])
    if mode == "nearest":
        return tf.transpose(_pixel(channels_last, tf.round(x), tf.round(y), border), [0, 3, 1, 2])
    offsets, kernel = _taps(cubic=mode == "bicubic")
    left, top = tf.floor(x), tf.floor(y)
    total = tf.zeros([], images.dtype)
    for dx, dy in itertools.product(offsets, offsets):
        weight = kernel(tf.abs(x - left - dx)) * kernel(tf.abs(y - top - dy))
        total += weight[..., tf.newaxis] * _pixel(channels_last, left + dx, top + dy, border)
    return tf.transpose(total, [0, 3, 1, 2])


def affine_grid(theta: Any, size: Sequence[Any], align_corners: bool | None = None) -> Any:
    """`torch.nn.functional.affine_grid` of `(batch, 2, 3)`: where `grid_sample` takes each pixel of `size`."""
    across, down = (_places_in(size[axis], align_corners, theta.dtype) for axis in (3, 2))
    x, y = tf.meshgrid(across, down)
    return tf.einsum("hwk,bik->bhwi", tf.stack([x, y, tf.ones_like(x)], axis=-1), theta)


def _places_in(size: Any, align_corners: bool | None, dtype: Any) -> Any:
    """The pixels of one axis in [-1, 1], which are its ends, or the centres of the pixels there."""
    size = tf.cast(size, dtype)
    numbers = tf.range(size, dtype=dtype)
    return 2 * numbers / (size - 1) - 1 if align_corners else (2 * numbers + 1) / size - 1


def _pixels(place: Any, size: Any, align_corners: bool | None) -> Any:
    return (place + 1) / 2 * (size - 1) if align_corners else ((place + 1) * size - 1) / 2


def _pixel(images: Any, x: Any, y: Any, border: bool) -> Any:
    """The pixels at whole coordinates; outside the image the nearest of its border, or zeros."""
    height, width = shape_list(images)[1:3]
    column, row = tf.cast(x, tf.int64), tf.cast(y, tf.int64)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    column, row = tf.clip_by_value(column, 0, width - 1), tf.clip_by_value(row, 0, height - 1)
    found = tf.gather_nd(images, tf.stack([row, column], axis=-1), batch_dims=1)
    return found if border else tf.where(inside[..., tf.newaxis], found, tf.zeros([], images.dtype))
