"""Statements: what is written in place, checks, loops."""
