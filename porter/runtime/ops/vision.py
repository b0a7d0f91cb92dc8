"""Positions of packed image patches, as transformers.vision_utils computes them, without python loops.

`grid_thw` is `(images, 3)`: frames, rows and columns of patches of every image; all patches of a batch lie in one
sequence.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def get_vision_cu_seqlens(grid_thw: Any, merge_temporal: bool = False) -> Any:
    """Where each attended segment starts, int32 `(segments + 1,)`: one segment per frame, or per clip."""
    if merge_temporal:
        lengths = tf.reduce_prod(grid_thw, axis=1)
    else:
        lengths = tf.repeat(grid_thw[:, 1] * grid_thw[:, 2], grid_thw[:, 0])
    return tf.pad(tf.cumsum(tf.cast(lengths, tf.int32)), [[1, 0]])


def get_vision_attention_seqlens(grid_thw: Any, config: Any = None, merge_temporal: bool = False) -> tuple[Any, None]:
    """Segment starts; the length of the longest is only asked for by flash attention."""
    del config
    return get_vision_cu_seqlens(grid_thw, merge_temporal), None


def get_vision_position_ids(grid_thw: Any, spatial_merge_size: Any, include_temporal: bool = False) -> Any:
    """Row and column of every patch, int64 `(patches, 2)`, in blocks of merged patches; with the frame in front."""
    places = _patches(grid_thw, spatial_merge_size)
    columns = [places["row"], places["column"]]
    if include_temporal:
        columns.insert(0, places["frame"])
    return tf.stack(columns, axis=-1)


def _patches(grid_thw: Any, merge: Any) -> dict[str, Any]:
    """Image, frame, row and column of every patch, where merged patches lie together."""
    grid = tf.cast(grid_thw, tf.int64)
    merge = tf.broadcast_to(tf.cast(merge, tf.int64), tf.shape(grid)[:1])
    counts = tf.reduce_prod(grid, axis=1)
    image = tf.repeat(tf.range(tf.shape(grid, out_type=tf.int64)[0]), counts)
    within = tf.range(tf.reduce_sum(counts)) - tf.gather(tf.cumsum(counts, exclusive=True), image)
    rows, columns = tf.gather(grid[:, 1], image), tf.gather(grid[:, 2], image)
    size = tf.gather(merge, image)
    frame, place = within // (rows * columns), within % (rows * columns)
    block, inner = place // (size * size), place % (size * size)
    blocks = columns // size
    return {
        "image": image,
        "frame": frame,
        "rows": rows,
        "columns": columns,
        "row": block // blocks * size + inner // size,
        "column": block % blocks * size + inner % size,
    }


def get_vision_window_index(
    grid_thw: Any, spatial_merge_size: int, window_size: int, patch_size: int
) -> tuple[Any, Any]:
    """The order of merged patches window by window, int64, and where each window starts, int32 in patches."""
    side = window_size // spatial_merge_size // patch_size
    grid = tf.cast(grid_thw, tf.int64)
    merged = tf.stack([grid[:, 0], grid[:, 1] // spatial_merge_size, grid[:, 2] // spatial_merge_size], axis=1)
    places = _patches(merged, 1)
    # PyTorch pads every side by a whole window where nothing is missing, so there is one more than needed.
    windows_down, windows_across = places["rows"] // side + 1, places["columns"] // side + 1
    window = places["row"] // side * windows_across + places["column"] // side
    frames = _numbered(places["image"], places["frame"], tf.reduce_max(merged[:, 0]))
    key = frames * tf.reduce_max(windows_down * windows_across) + window
    order = tf.cast(tf.argsort(key, stable=True), tf.int64)
    _, _, lengths = tf.unique_with_counts(tf.gather(key, order), out_idx=tf.int32)
    return order, tf.pad(tf.cumsum(lengths) * spatial_merge_size**2, [[1, 0]])


def _numbered(image: Any, frame: Any, frames: Any) -> Any:
    return image * frames + frame


def get_vision_interpolation_indices_and_weights(
    grid_thw: Any,
    num_grid_per_side: int,
    mode: str = "bilinear",
    align_corners: bool = False,
    spatial_merge_size: int = 1,
    padding: str = "border",
) -> tuple[Any, Any]:
    """Which entries of a square table of position embeddings make up each patch's, and with what weights.

    Both are `(patches, taps)`, int64 and float32; 4 taps are bilinear, 16 bicubic.
    """
    places = _patches(grid_thw, spatial_merge_size)
    sides = [
        _taps(places[place], places[size], num_grid_per_side, (mode, align_corners, padding))
        for place, size in (("row", "rows"), ("column", "columns"))
    ]
    (down, down_weights), (across, across_weights) = sides
    taps = down.shape[1] * across.shape[1]
    indices = down[:, :, tf.newaxis] * num_grid_per_side + across[:, tf.newaxis]
    weights = down_weights[:, :, tf.newaxis] * across_weights[:, tf.newaxis]
    return tf.reshape(indices, (-1, taps)), tf.reshape(weights, (-1, taps))


def _taps(index: Any, size: Any, side: int, how: tuple[str, bool, str]) -> tuple[Any, Any]:
    """Source entries along one axis, and their weights."""
    mode, align_corners, padding = how
    index, size = tf.cast(index, tf.float32), tf.cast(size, tf.float32)
    place = index * (side - 1) / tf.maximum(size - 1, 1) if align_corners else (index + 0.5) * side / size - 0.5
    first = tf.floor(place)
    offsets = tf.range(0, 2, dtype=tf.int64) if mode == "bilinear" else tf.range(-1, 3, dtype=tf.int64)
    taps = tf.cast(first, tf.int64)[:, tf.newaxis] + offsets
    distance = tf.abs((place - first)[:, tf.newaxis] - tf.cast(offsets, tf.float32))
    weights = tf.maximum(1 - distance, 0) if mode == "bilinear" else _cubic(distance)
    if padding == "zeros":
        weights = weights * tf.cast((taps >= 0) & (taps < side), weights.dtype)
    return tf.clip_by_value(taps, 0, side - 1), weights


def _cubic(distance: Any) -> Any:
    """Keys' kernel with a = -0.75."""
    near = (1.25 * distance - 2.25) * distance * distance + 1
    far = ((3.75 - 0.75 * distance) * distance - 6) * distance + 3
    return tf.where(distance <= 1, near, far)


def get_vision_nearest_position_ids(target_sizes: Any, num_patches_per_side: int) -> Any:
    """The nearest entry of a square table of position embeddings for every patch, int64 `(patches,)`."""
    sizes = tf.cast(target_sizes, tf.int64)
    places = _patches(tf.pad(sizes, [[0, 0], [1, 0]], constant_values=1), 1)
    boundaries = tf.range(1 / num_patches_per_side, 1.0, 1 / num_patches_per_side)
    rows, columns = (
        tf.searchsorted(
            boundaries,
            tf.cast(places[place], tf.float32) / tf.cast(places[size], tf.float32),
            side="right",
            out_type=tf.int64,
        )
        for place, size in (("row", "rows"), ("column", "columns"))
    )
    return rows * num_patches_per_side + columns


def select_best_resolution(original_size: Any, possible_resolutions: Any) -> tuple[int, int]:
    """The resolution (height, width) that keeps most of an image's pixels, of equal ones the smallest."""
    height, width = (int(size) for size in original_size)

    def rank(resolution: Any) -> tuple[int, int]:
        rows, columns = resolution
        scale = min(columns / width, rows / height)
        kept = min(int(width * scale) * int(height * scale), width * height)
        return kept, kept - rows * columns

    rows, columns = max(possible_resolutions, key=rank)
    return rows, columns


def center_to_corners_format(boxes: Any) -> Any:
    """(center x, center y, width, height) to (left, top, right, bottom) along the last axis."""
    x, y, width, height = tf.unstack(boxes, num=4, axis=-1)
    return tf.stack([x - 0.5 * width, y - 0.5 * height, x + 0.5 * width, y + 0.5 * height], axis=-1)


def corners_to_center_format(boxes: Any) -> Any:
    """(left, top, right, bottom) to (center x, center y, width, height) along the last axis."""
    left, top, right, bottom = tf.unstack(boxes, num=4, axis=-1)
    return tf.stack([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], axis=-1)
