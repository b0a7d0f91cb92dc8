"""Carrying out a plan, one tensor at a time."""
