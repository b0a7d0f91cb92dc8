"""What generated models import: a small TensorFlow base on Keras 3.

It works where PyTorch is not installed. Names are loaded when they are first asked for, so that tools which only read
the table of layouts or a checkpoint do not load TensorFlow.
"""

import importlib
from typing import Any

_MODULES = {
    "activations": ("get_tf_activation",),
    "building": ("add_parameter", "built", "import_beside"),
    "caches": ("Cache", "DynamicCache", "EncoderDecoderCache", "StaticCache"),
    "calling": ("merge_with_config_defaults", "unpack_inputs"),
    "capturing": ("OutputRecorder", "capture_outputs"),
    "generic_heads": (
        "TFGenericForQuestionAnswering",
        "TFGenericForSequenceClassification",
        "TFGenericForTokenClassification",
    ),
    "layers": (
        "AdaptiveAvgPool1D",
        "AdaptiveAvgPool2D",
        "AdaptiveAvgPool3D",
        "AdaptiveMaxPool1D",
        "AdaptiveMaxPool2D",
        "AdaptiveMaxPool3D",
        "AvgPool1D",
        "AvgPool2D",
        "AvgPool3D",
        "BatchNorm",
        "Conv1D",
        "Conv1DTranspose",
        "Conv2D",
        "Conv2DTranspose",
        "Conv3D",
        "Conv3DTranspose",
        "GroupNorm",
        "MaxPool1D",
        "MaxPool2D",
        "MaxPool3D",
        "Sequential",
        "TFConv1D",
        "TiedDense",
        "weight_norm",
    ),
    "losses": (
        "BCELoss",
        "BCEWithLogitsLoss",
        "CTCLoss",
        "CrossEntropyLoss",
        "HuberLoss",
        "KLDivLoss",
        "L1Loss",
        "MSELoss",
        "NLLLoss",
        "SmoothL1Loss",
    ),
    "losses.functional": (
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
        "cross_entropy",
        "ctc_loss",
        "huber_loss",
        "kl_div",
        "l1_loss",
        "mse_loss",
        "nll_loss",
        "smooth_l1_loss",
    ),
    "masks": (
        "create_bidirectional_mask",
        "create_bidirectional_sliding_window_mask",
        "create_causal_mask",
        "create_chunked_causal_mask",
        "create_recurrent_attention_mask",
        "create_sliding_window_causal_mask",
    ),
    "modeling": ("TFPreTrainedModel",),
    "ops": ("dropout", "shape_list", "slice_logits_to_keep"),
    "ops_convolution": (
        "adaptive_avg_pool",
        "avg_pool",
        "conv",
        "conv_transpose",
        "max_pool",
    ),
    "ops_functional": (
        "cosine_similarity",
        "fold",
        "glu",
        "grid_sample",
        "group_norm",
        "interpolate",
        "layer_norm",
        "rms_norm",
        "scaled_dot_product_attention",
        "unfold",
    ),
    "ops_indexing": (
        "gather_along",
        "index",
        "index_add",
        "index_copy",
        "index_put",
        "isin",
        "masked_scatter",
        "scatter",
        "scatter_add",
        "slice_update",
    ),
    "ops_reduction": (
        "cdist",
        "cummax",
        "histc",
        "max_with_indices",
        "median",
        "min_with_indices",
        "multinomial",
        "nan_to_num",
        "polar",
        "sort_with_indices",
        "std",
        "top_k",
        "truncated_divide",
        "unique",
        "unique_consecutive",
        "var",
    ),
    "ops_vision": (
        "center_to_corners_format",
        "corners_to_center_format",
        "get_vision_attention_seqlens",
        "get_vision_cu_seqlens",
        "get_vision_interpolation_indices_and_weights",
        "get_vision_nearest_position_ids",
        "get_vision_position_ids",
        "get_vision_window_index",
    ),
    "ops_shape": (
        "as_int",
        "expand",
        "flatten",
        "pad",
        "pixel_shuffle",
        "pixel_unshuffle",
        "split",
        "squeeze",
        "to_list",
        "tril",
        "triu",
        "unflatten",
        "view_as_complex",
        "view_as_real",
    ),
    "rope": ("ROPE_INIT_FUNCTIONS", "dynamic_rope_update"),
    "serialization": ("keras_serializable",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}
LAYERS = frozenset(name for name, module in _HOMES.items() if module.partition(".")[0] == "layers")
"""Keras layers for what Keras itself lacks."""
EXPORTED = frozenset(_HOMES)
"""What generated files can import from here, besides the outputs."""


def __getattr__(name: str) -> Any:
    module = _HOMES.get(name, "outputs" if name.startswith("TF") else None)
    if module is None:
        raise AttributeError(f"porter.runtime has no {name}")
    return getattr(importlib.import_module(f"porter.runtime.{module}"), name)
