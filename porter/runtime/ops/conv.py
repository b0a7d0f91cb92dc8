"""Convolutions and pooling in PyTorch's layout (batch, channels, ...), with kernels as Keras keeps them.

TensorFlow computes channels last on a CPU, so every operation transposes in and out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from porter.runtime.ops.common import shape_list

Sizes = int | Sequence[int]


def _all(value: Sizes, axes: int) -> list[int]:
    """One number per spatial axis."""
    return [value] * axes if isinstance(value, int) else [int(part) for part in value]


def _last(tensor: Any) -> Any:
    rank = tensor.shape.rank
    return tf.transpose(tensor, [0, *range(2, rank), 1])


def _first(tensor: Any) -> Any:
    rank = tensor.shape.rank
    return tf.transpose(tensor, [0, rank - 1, *range(1, rank - 1)])


def _padding(padding: Sizes | str, kernel: Sequence[int], dilation: Sequence[int]) -> list[list[int]]:
    """Numbers before and after every spatial axis; `same` puts the odd one behind."""
    if padding == "same":
        totals = [step * (size - 1) for size, step in zip(kernel, dilation, strict=True)]
        return [[total // 2, total - total // 2] for total in totals]
    if padding == "valid":
        return [[0, 0]] * len(kernel)
    assert not isinstance(padding, str)
    return [[size, size] for size in _all(padding, len(kernel))]


def convolution(
    tensor: Any,
    kernel: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: Any = 1,
    padding_mode: str = "zeros",
) -> Any:
    """`torch.nn.functional.conv1d/2d/3d` with a kernel `(spatial..., in / groups, out)`."""
    axes = tensor.shape.rank - 2
    strides, dilations = _all(stride, axes), _all(dilation, axes)
    pads = _padding(padding, kernel.shape[:axes], dilations)
    images = padded(_last(tensor), [[0, 0], *pads, [0, 0]], padding_mode)
    outputs = _grouped(images, kernel, strides, dilations, groups)
    outputs = outputs if bias is None else tf.nn.bias_add(outputs, bias)
    return _first(outputs)


def padded(tensor: Any, pads: Sequence[Sequence[int]], mode: str) -> Any:
    """The tensor with a frame of zeros, or of its own values (reflect, replicate, circular)."""
    if not any(number for pair in pads for number in pair):
        return tensor
    if mode in ("zeros", "constant"):
        return tf.pad(tensor, pads)
    if mode == "reflect":
        return tf.pad(tensor, pads, mode="REFLECT")
    for axis, (before, after) in enumerate(pads):
        size = shape_list(tensor)[axis]
        places = tf.range(-before, size + after, dtype=tf.int64)
        places = places % size if mode == "circular" else tf.clip_by_value(places, 0, size - 1)
        tensor = tf.gather(tensor, places, axis=axis) if before or after else tensor
    return tensor


def _grouped(images: Any, kernel: Any, strides: list[int], dilations: list[int], groups: Any) -> Any:
    if isinstance(groups, int) and groups == 1:
        return _convolved(images, kernel, strides, dilations)
    axes = len(strides)
    is_known = not tf.is_tensor(groups)
    depthwise = is_known and groups == images.shape[-1] and axes <= 2 and len(set(strides)) == 1
    if depthwise and (strides[0] == 1 or set(dilations) == {1}):
        return _depthwise(images, kernel, strides, dilations)
    return _by_group(lambda part, own: _convolved(part, own, strides, dilations), images, kernel, groups)


def _by_group(convolve: Callable[[Any, Any], Any], images: Any, kernel: Any, groups: Any) -> Any:
    """Each group of channels with its own part of the kernel's last axis, their results side by side."""
    if not tf.is_tensor(groups):
        parts = zip(tf.split(images, groups, axis=-1), tf.split(kernel, groups, axis=-1), strict=True)
        return tf.concat([convolve(part, own) for part, own in parts], axis=-1)
    result = tf.TensorSpec([None] * images.shape.rank, images.dtype)
    pairs = (_groups_first(images, groups), _groups_first(kernel, groups))
    parts = tf.map_fn(lambda pair: convolve(*pair), pairs, fn_output_signature=result)
    side_by_side = tf.transpose(parts, [*range(1, images.shape.rank), 0, images.shape.rank])
    return tf.reshape(side_by_side, [*shape_list(side_by_side)[:-2], -1])


def _groups_first(tensor: Any, groups: Any) -> Any:
    """The tensor's last axis taken apart, with the groups as the first axis."""
    rank = tensor.shape.rank
    apart = tf.reshape(tensor, [*shape_list(tensor)[:-1], groups, -1])
    return tf.transpose(apart, [rank - 1, *range(rank - 1), rank])


def _convolved(images: Any, kernel: Any, strides: list[int], dilations: list[int]) -> Any:
    """tf.nn.convolution; strided and dilated at once is computed with stride 1 and then thinned out."""
    if max(strides) > 1 and max(dilations) > 1:
        dense = tf.nn.convolution(images, kernel, padding="VALID", dilations=dilations)
        return dense[(slice(None), *(slice(None, None, stride) for stride in strides), slice(None))]
    return tf.nn.convolution(images, kernel, strides=strides, padding="VALID", dilations=dilations)


def _depthwise(images: Any, kernel: Any, strides: list[int], dilations: list[int]) -> Any:
    """Every channel by itself: the kernel's outputs are ordered by channel, then by multiple."""
    channels = images.shape[-1]
    one_axis = len(strides) == 1
    if one_axis:
        images, kernel = images[:, tf.newaxis], kernel[tf.newaxis]
        strides, dilations = strides * 2, dilations * 2
    rows, columns = kernel.shape[:2]
    filters = tf.reshape(kernel, [rows, columns, channels, -1])
    outputs = tf.nn.depthwise_conv2d(images, filters, [1, *strides, 1], "VALID", dilations=dilations)
    return outputs[:, 0] if one_axis else outputs


def convolution_transpose(
    tensor: Any,
    kernel: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: Any = 1,
    dilation: Sizes = 1,
) -> Any:
    """`torch.nn.functional.conv_transpose1d/2d/3d` with a kernel `(spatial..., out / groups, in)`.

    The input is spread out by the stride and convolved with the flipped kernel.
    """
    axes = tensor.shape.rank - 2
    strides, dilations = _all(stride, axes), _all(dilation, axes)
    paddings, extra = _all(padding, axes), _all(output_padding, axes)
    images = _last(tensor)
    for axis, step in enumerate(strides, start=1):
        images = _spread(images, axis, step)
    reach = [step * (size - 1) for size, step in zip(kernel.shape[:axes], dilations, strict=True)]
    before = [size - pad for size, pad in zip(reach, paddings, strict=True)]
    after = [size - pad + more for size, pad, more in zip(reach, paddings, extra, strict=True)]
    images = _framed(images, before, after)
    flipped = tf.reverse(kernel, axis=list(range(axes)))
    outputs = _transposed_groups(images, flipped, dilations, groups)
    outputs = outputs if bias is None else tf.nn.bias_add(outputs, bias)
    return _first(outputs)


def _spread(images: Any, axis: int, step: int) -> Any:
    """Zeros between neighbours along one axis."""
    if step == 1:
        return images
    shape = shape_list(images)
    stacked = tf.expand_dims(images, axis + 1)
    pads = [[0, step - 1] if n == axis + 1 else [0, 0] for n in range(len(shape) + 1)]
    merged = tf.reshape(tf.pad(stacked, pads), [*shape[:axis], shape[axis] * step, *shape[axis + 1 :]])
    return merged[(slice(None),) * axis + (slice(None, shape[axis] * step - (step - 1)),)]


def _framed(images: Any, before: Sequence[int], after: Sequence[int]) -> Any:
    """Zeros around every spatial axis; negative numbers crop."""
    pads = [[max(one, 0), max(other, 0)] for one, other in zip(before, after, strict=True)]
    images = tf.pad(images, [[0, 0], *pads, [0, 0]])
    crops = [slice(max(-one, 0), other if other < 0 else None) for one, other in zip(before, after, strict=True)]
    return images[(slice(None), *crops)]


def _transposed_groups(images: Any, kernel: Any, dilations: list[int], groups: Any) -> Any:
    axes = len(dilations)
    swapped = [*range(axes), axes + 1, axes]

    def convolve(part: Any, own: Any) -> Any:
        return _convolved(part, tf.transpose(own, swapped), [1] * axes, dilations)

    if isinstance(groups, int) and groups == 1:
        return convolve(images, kernel)
    return _by_group(convolve, images, kernel, groups)


def conv(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: Any = 1,
) -> Any:
    """`torch.nn.functional.conv1d/2d/3d` with a weight in PyTorch's layout `(out, in / groups, spatial...)`.

    Where only the graph knows the number of groups, and each has one channel, it is that of the weight's outputs.
    """
    axes = weight.shape.rank - 2
    kernel = tf.transpose(weight, [*range(2, axes + 2), 1, 0])
    if tf.is_tensor(groups) and weight.shape[1] == 1 and weight.shape[0] is not None:
        groups = weight.shape[0]
        input = tf.ensure_shape(input, [None, groups, *[None] * axes])
    return convolution(input, kernel, bias, stride, padding, dilation, groups)


def conv_transpose(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: Any = 1,
    dilation: Sizes = 1,
) -> Any:
    """`torch.nn.functional.conv_transpose1d/2d/3d` with a weight `(in, out / groups, spatial...)`."""
    axes = weight.shape.rank - 2
    kernel = tf.transpose(weight, [*range(2, axes + 2), 1, 0])
    return convolution_transpose(input, kernel, bias, stride, padding, output_padding, groups, dilation)


def pool_windows(
    images: Any, sizes: Sequence[int], kind: str, strides: Sequence[int], dilations: Sequence[int] | None = None
) -> Any:
    """tf.nn.pool; steps that it refuses, beyond the window or between dilated windows, are made by thinning out."""
    dilated = dilations is not None and max(dilations) > 1
    if max(strides) > 1 and (dilated or any(step > size for step, size in zip(strides, sizes, strict=True))):
        dense = tf.nn.pool(images, sizes, kind, [1] * len(sizes), "VALID", dilations=dilations)
        return dense[(slice(None), *(slice(None, None, step) for step in strides), slice(None))]
    return tf.nn.pool(images, sizes, kind, strides, "VALID", dilations=dilations)


def _is_whole(kernel_size: Any) -> bool:
    """Whether a window's size is not known before the graph runs."""
    return any(map(tf.is_tensor, kernel_size if isinstance(kernel_size, (list, tuple)) else [kernel_size]))


def _over_whole(reduce: Callable[..., Any], tensor: Any, kernel_size: Any) -> Any:
    axes = list(range(2, tensor.shape.rank))
    sizes = kernel_size if isinstance(kernel_size, (list, tuple)) else [kernel_size] * len(axes)
    checks = [
        tf.debugging.assert_equal(tf.cast(size, tf.int32), tf.shape(tensor)[axis], "The window is not the whole axis.")
        for size, axis in zip(sizes, axes, strict=True)
    ]
    with tf.control_dependencies([check for check in checks if check is not None]):
        return reduce(tensor, axis=axes, keepdims=True)


def max_pool(
    tensor: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
) -> Any:
    """`torch.nn.functional.max_pool1d/2d/3d`; what is padded never wins.

    A window whose size only the graph knows has to be all of its axis.
    """
    axes = tensor.shape.rank - 2
    if _is_whole(kernel_size):
        return _over_whole(tf.reduce_max, tensor, kernel_size)
    sizes, strides = _all(kernel_size, axes), _all(kernel_size if stride is None else stride, axes)
    images = _pool_frame(_last(tensor), sizes, strides, _all(padding, axes), ceil_mode, tensor.dtype.min)
    return _first(pool_windows(images, sizes, "MAX", strides, _all(dilation, axes)))


def avg_pool(
    tensor: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """`torch.nn.functional.avg_pool1d/2d/3d`; padded zeros count unless `count_include_pad` is False.

    A window whose size only the graph knows has to be all of its axis.
    """
    axes = tensor.shape.rank - 2
    if _is_whole(kernel_size):
        return _over_whole(tf.reduce_mean, tensor, kernel_size)
    sizes, strides = _all(kernel_size, axes), _all(kernel_size if stride is None else stride, axes)
    pads = _all(padding, axes)
    images = _pool_frame(_last(tensor), sizes, strides, pads, ceil_mode, 0)
    pooled = pool_windows(images, sizes, "AVG", strides)
    if ceil_mode or not count_include_pad:
        ones = tf.ones_like(_last(tensor)[..., :1])
        inner = [[0, 0], *([[pad, pad] for pad in pads]), [0, 0]]
        ones = tf.pad(ones, inner, constant_values=1 if count_include_pad else 0)
        counted = _pool_frame(ones, sizes, strides, [0] * axes, ceil_mode, 0)
        pooled = pooled / pool_windows(counted, sizes, "AVG", strides)
    return _first(pooled)


def _pool_frame(
    images: Any, sizes: list[int], strides: list[int], pads: list[int], ceil_mode: bool, value: Any
) -> Any:
    """The padded images; with `ceil_mode` enlarged so that a last window that starts inside is whole."""
    after = list(pads)
    if ceil_mode:
        shape = shape_list(images)
        for axis, (size, stride, pad) in enumerate(zip(sizes, strides, pads, strict=True)):
            length = shape[axis + 1]
            steps = -((length + 2 * pad - size) // -stride)
            if isinstance(steps, int) and steps * stride >= length + pad:
                steps -= 1
            after[axis] = max(steps * stride + size - length - pad, pad)
    if not any(pads) and not any(after):
        return images
    frame = [[0, 0], *([one, other] for one, other in zip(pads, after, strict=True)), [0, 0]]
    return tf.pad(images, frame, constant_values=value)


def adaptive_avg_pool(tensor: Any, output_size: Any) -> Any:
    """`torch.nn.functional.adaptive_avg_pool1d/2d/3d`; None keeps a size."""
    axes = tensor.shape.rank - 2
    sizes = list(output_size) if isinstance(output_size, Sequence) else [output_size] * axes
    if all(size == 1 for size in sizes):
        return tf.reduce_mean(tensor, axis=list(range(2, axes + 2)), keepdims=True)
    from porter.runtime.ops.nn_functional import interpolate

    shape = shape_list(tensor)[2:]
    return interpolate(
        tensor, size=[old if new is None else new for new, old in zip(sizes, shape, strict=True)], mode="area"
    )
