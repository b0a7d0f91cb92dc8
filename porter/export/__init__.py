"""Export of PyTorch checkpoints to ONNX, TorchScript, SavedModel and TFLite, each compared with PyTorch.

``export_onnx`` writes and compares, ``validate`` compares a file that is there, ``features`` lists what a model type
can be exported for, and ``OnnxInputs`` declares inputs that porter does not know by itself.
"""

from porter.export.api import Exported, OnnxInputs, Validation, export_onnx, features, validate

__all__ = ["Exported", "OnnxInputs", "Validation", "export_onnx", "features", "validate"]
