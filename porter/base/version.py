"""The version of porter, said once."""

__version__ = "0.1.0"
