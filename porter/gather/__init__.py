"""Definitions of a package, gathered into one text with all that they need and nothing else."""
