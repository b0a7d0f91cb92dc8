"""Layers that Keras lacks or defines otherwise than PyTorch."""

from porter.runtime.layers.containers import LayerDict, LayerList, Sequential
from porter.runtime.layers.convolution import Conv1D, Conv2D, Conv3D, weight_norm
from porter.runtime.layers.dense import TFConv1D, TiedDense
from porter.runtime.layers.normalization import BatchNorm, GroupNorm
from porter.runtime.layers.pooling import (
    AdaptiveAvgPool1D,
    AdaptiveAvgPool2D,
    AdaptiveAvgPool3D,
    AdaptiveMaxPool1D,
    AdaptiveMaxPool2D,
    AdaptiveMaxPool3D,
    AvgPool1D,
    AvgPool2D,
    AvgPool3D,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
)
from porter.runtime.layers.transposed import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose

__all__ = [
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
    "LayerDict",
    "LayerList",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "Sequential",
    "TFConv1D",
    "TiedDense",
    "weight_norm",
]
