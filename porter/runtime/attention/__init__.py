"""Masks and rotary positions."""
