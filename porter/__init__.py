"""Ports PyTorch models of transformers to TensorFlow, and proves the port module by module."""

from typing import Any

from porter.base.apart import keep_apart
from porter.base.version import __version__ as __version__

keep_apart()


def load(name: str, **options: Any) -> Any:
    """The Keras model of a folder or of a repository on the Hub; see `porter.weights.ported.load` for the options."""
    from porter.weights import ported

    return ported.load(name, **options)
