"""Weights: plan where each PyTorch tensor goes, carry the plan out one tensor at a time, write TensorFlow's files."""
