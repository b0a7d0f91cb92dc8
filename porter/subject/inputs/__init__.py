"""Inputs for tracing, for checkpoints and for trials."""
