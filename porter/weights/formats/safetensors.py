"""`tf_model.safetensors`, with the variables' paths as names."""

from porter.runtime.stored.writers import SafetensorsShard
from porter.weights.formats.kinds import TensorFormat

FORMAT = TensorFormat("safetensors", SafetensorsShard)
