"""Names that tests written by earlier versions of porter import from here."""

from porter.testing import build_config, checked_variation, numpy_inputs, strengthen, torch_inputs

__all__ = ["build_config", "checked_variation", "numpy_inputs", "strengthen", "torch_inputs"]
