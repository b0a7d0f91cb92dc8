"""What `porter.runtime` raises. `except PortError` catches all of it.

PortError               what the runtime itself refuses, fails at or does not find
+-- WrongValue          an argument, a setting or a state that does not fit; a ValueError too
+-- Unsupported         something that PyTorch has and a port has not; a NotImplementedError too
+-- CheckpointError     a checkpoint that is damaged, incomplete or of another model
+-- HubError            the Hub refused, failed or cannot be reached

Arguments that a method does not take and objects of a wrong class are TypeErrors, as everywhere in Python. What the
code of a model raises by itself comes out as it is.
"""


class PortError(Exception):
    """What the runtime of ports refuses, fails at or does not find, in one sentence."""


class WrongValue(PortError, ValueError):
    """An argument, a setting or a state of a model that does not fit what is asked of it."""


class Unsupported(PortError, NotImplementedError):
    """Something that PyTorch or transformers can do and a port cannot."""
