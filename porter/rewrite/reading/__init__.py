"""Frozen analyses of a PyTorch file."""
