"""Weights well away from 0 and 1, which any framework can repeat."""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def strengthen(model: Any) -> None:
    """Move every weight well away from 0 and 1, from seeds that are the crc32 of the parameters' names.

    Linear and convolution weights get N(0, 1/fan_in), embeddings N(0, 0.5^2), norm scales 1 + 0.1 N (or 0.1 N
    where the scale is stored as a deviation from one), their biases and those of linear layers 0.1 N, everything
    else + 0.02 N. Running means become 0.1 N, running variances 1 + 0.2 tanh(N). With the usual initialisation
    many outputs are zero or constant, and agreeing on those proves nothing.
    """
    import torch

    owners = {
        f"{path}.{name}" if path else name: (module, name)
        for path, module in model.named_modules()
        for name, _ in module.named_parameters(recurse=False)
    }
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            if parameter.is_floating_point():
                module, name = owners[path]
                parameter.copy_(torch.from_numpy(_strong(module, name, path, parameter)).to(parameter.dtype))
        for path, module in model.named_modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm) and module.running_mean is not None:
                shape = tuple(module.running_mean.shape)
                module.running_mean.copy_(torch.from_numpy(0.1 * _noise(path + ".rm", shape)))
                module.running_var.copy_(torch.from_numpy(1 + 0.2 * np.tanh(_noise(path + ".rv", shape))))


def _strong(module: Any, name: str, path: str, parameter: Any) -> Array:
    import torch

    shape = tuple(parameter.shape)
    noise = _noise(path, shape)
    class_name = type(module).__name__
    if isinstance(module, torch.nn.Embedding):
        return 0.5 * noise
    in_first = class_name == "Conv1D"  # transformers' linear layer whose weight is stored "i o"
    if in_first or isinstance(module, torch.nn.Linear | torch.nn.modules.conv._ConvNd):
        fan_in = shape[0] if in_first else max(math.prod(shape[1:]), 1)
        return 0.1 * noise if len(shape) == 1 else np.asarray(noise / np.sqrt(fan_in))
    if "Norm" in class_name and len(shape) == 1:
        stored_as_deviation = float(parameter.abs().max()) == 0
        return 0.1 * noise if "bias" in name or stored_as_deviation else 1 + 0.1 * noise
    return np.asarray(parameter.detach().to(torch.float64).numpy() + 0.02 * noise)


def _noise(name: str, shape: tuple[int, ...]) -> Array:
    return np.asarray(np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape))
