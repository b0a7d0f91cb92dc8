"""Layers that Keras lacks or defines otherwise than PyTorch."""
