"""Stored weights: reading checkpoints, pairing, writing."""
