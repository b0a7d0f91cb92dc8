"""Ports PyTorch models of transformers to TensorFlow, and proves the port module by module."""

__version__ = "0.1.0"
