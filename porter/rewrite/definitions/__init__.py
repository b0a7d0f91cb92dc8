"""Definitions: classes, functions, and what Keras wants them to have."""
