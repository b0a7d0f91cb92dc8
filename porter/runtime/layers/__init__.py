"""Layers that Keras lacks or defines otherwise than PyTorch."""

from porter.runtime.layers.dense import TiedDense

__all__ = ["TiedDense"]
