"""Inputs and weights that any framework can repeat, and PyTorch models built with them."""

from __future__ import annotations

import copy
import importlib
import inspect
import math
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
from huggingface_hub.errors import StrictDataclassError

from porter.errors import UsageError
from porter.subject.case import Case, InputSpec, Subject

Array = np.ndarray[Any, np.dtype[Any]]
Inputs = dict[str, Any]

# What the code of a model raises when it is given inputs or a configuration that it does not take.
RUN_ERRORS = (ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, OSError,
              RuntimeError, StrictDataclassError, TypeError, ValueError)  # fmt: skip


def numpy_inputs(
    specs: Sequence[InputSpec], seed: int = 0, batch: int | None = None, length: int | None = None
) -> Inputs:
    """Arrays (or plain python values) by argument name.

    The numbers come from numpy's default_rng(seed * 1000 + position of the input). `batch` replaces the leading
    size that the inputs share, `length` their sequence length; sizes that only look alike are not protected, so
    whoever varies them checks that PyTorch runs (`checked_variation`).
    """
    return {spec.name: _value(spec, seed * 1000 + i) for i, spec in enumerate(resized(specs, batch, length))}


def _value(spec: InputSpec, seed: int) -> object:
    gen: Mapping[str, Any] = spec.gen
    if gen["kind"] == "py":
        return gen["value"]
    draw = np.random.default_rng(seed)
    makers: dict[str, Callable[[], Array]] = {
        "randint": lambda: draw.integers(gen["low"], gen["high"], size=spec.shape),
        "normal": lambda: draw.standard_normal(size=spec.shape) * gen.get("std", 1.0),
        "uniform": lambda: draw.uniform(gen.get("low", 0.0), gen.get("high", 1.0), size=spec.shape),
        "ones": lambda: np.ones(spec.shape),
        "zeros": lambda: np.zeros(spec.shape),
        "arange": lambda: np.broadcast_to(np.arange(spec.shape[-1]), spec.shape),
        "values": lambda: np.array(gen["data"]).reshape(spec.shape),
    }
    return np.ascontiguousarray(makers[gen["kind"]]().astype(np.dtype(spec.dtype)))


def batch_of(specs: Sequence[InputSpec]) -> int | None:
    """The leading size of the first array; None without arrays."""
    return next((spec.shape[0] for spec in specs if spec.shape), None)


def length_of(specs: Sequence[InputSpec]) -> int | None:
    """The sequence length; where only a decoder has one, its; None where there is none."""
    encoder, decoder = _lengths(specs)
    return decoder if encoder is None else encoder


def _lengths(specs: Sequence[InputSpec]) -> tuple[int | None, int | None]:
    """The lengths of the inputs and of the decoder's inputs."""
    decoder = [spec for spec in specs if spec.name.startswith("decoder_")]
    return _length([spec for spec in specs if spec not in decoder]), _length(decoder)


def _length(specs: Sequence[InputSpec]) -> int | None:
    """Ids may carry choices before the length; whatever else is int, or a plain waveform, has it second."""
    for spec in specs:
        if len(spec.shape) >= 2 and spec.name.endswith("input_ids"):
            return spec.shape[-1]
    integers = (spec.shape[1] for spec in specs if len(spec.shape) >= 2 and spec.dtype.startswith("int"))
    waveforms = (spec.shape[1] for spec in specs if len(spec.shape) == 2)
    return next(integers, None) or next(waveforms, None)


def resized(specs: Sequence[InputSpec], batch: int | None = None, length: int | None = None) -> list[InputSpec]:
    """The same inputs with another batch size and length; a decoder's own length changes by as much."""
    old_batch, old_length = batch_of(specs), length_of(specs)
    encoder, decoder = _lengths(specs)
    grown = length - old_length if length is not None and old_length is not None else 0
    result = []
    for spec in specs:
        shape = list(spec.shape)
        own = decoder if spec.name.startswith("decoder_") else encoder
        if batch is not None and shape and shape[0] == old_batch:
            shape[0] = batch
        if own is not None and len(shape) <= 3:
            shape[1:] = [size + grown if size == own else size for size in shape[1:]]
        result.append(_reshaped(spec, tuple(shape)))
    return result


def _reshaped(spec: InputSpec, shape: tuple[int, ...]) -> InputSpec:
    """Given values are cut off, or go on with their last column; further rows repeat the first ones."""
    if shape == spec.shape or spec.gen["kind"] != "values":
        return replace(spec, shape=shape)
    values = np.array(spec.gen["data"]).reshape(spec.shape)
    for axis, size in enumerate(shape):
        places = np.arange(size)
        places = places % spec.shape[0] if axis == 0 else np.minimum(places, spec.shape[axis] - 1)
        values = np.take(values, places, axis=axis)
    return replace(spec, shape=shape, gen={"kind": "values", "data": values.ravel().tolist()})


def _padded(specs: Sequence[InputSpec], inputs: Inputs) -> Inputs:
    """The last row of every all-ones attention mask ends in padding, so that masks matter."""
    padded = dict(inputs)
    for spec in specs:
        if spec.name.endswith("attention_mask") and spec.gen["kind"] == "ones" and len(spec.shape) >= 2:
            mask = padded[spec.name] = inputs[spec.name].copy()
            mask[-1, ..., mask.shape[-1] - max(1, mask.shape[-1] // 4) :] = 0
    return padded


def checked_variation(
    model: Any, specs: Sequence[InputSpec], *, seed: int = 1, more_rows: int = 1, more_columns: int = 2
) -> Inputs:
    """Inputs with another seed, batch, length and a row of padding, as far as PyTorch runs on them.

    The batch grows by `more_rows` and the length by `more_columns`. Tried in turn: all of it, without padding, the
    length as it was, the batch as it was, everything as it was but the seed, and at last the specs unmodified
    (which are returned unchecked).
    """
    old_batch, old_length = batch_of(specs), length_of(specs)
    batch = old_batch + more_rows if old_batch else None
    length = old_length + more_columns if old_length else None
    for sizes in ((batch, length), (batch, None), (None, length), (None, None)):
        inputs = numpy_inputs(specs, seed, *sizes)
        for candidate in (_padded(specs, inputs), inputs):
            if runs(model, candidate):
                return candidate
    return numpy_inputs(specs)


@contextmanager
def trial_runs() -> Iterator[None]:
    """Runs of foreign code on odd inputs: its warnings say nothing, one thread is fastest for tiny tensors."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_num_threads(threads)


def runs(model: Any, inputs: Inputs) -> bool:
    """Whether PyTorch computes the model's outputs on these inputs without an error."""
    import torch

    try:
        with torch.no_grad():
            model(**torch_inputs(model, inputs))
    except RUN_ERRORS:
        return False
    return True


def torch_inputs(model: Any, inputs: Inputs) -> Inputs:
    """The arrays as tensors, only the arguments that the model's forward takes."""
    import torch

    accepted = inspect.signature(model.forward).parameters
    return {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
        for name, value in inputs.items()
        if name in accepted
    }


def build_config(case: Case, **changes: object) -> Any:
    """The case's configuration with eager attention; `changes` override its fields."""
    try:
        config_class = getattr(importlib.import_module(case.config_module), case.config_class)
        config = config_class(**copy.deepcopy({**case.config, **changes}))
    except Exception as error:
        message = f"{case.config_class} does not take this configuration: {error}"
        raise UsageError(message, hint="correct the case's config", place=case.id) from error
    config._attn_implementation = "eager"
    return config


def build_torch_model(
    subject: Subject, case: Case, class_name: str, module: ModuleType | None = None, config: Any = None
) -> Any:
    """The PyTorch model with strong weights, in eval mode, with eager attention.

    `module` holds the class instead of the original module (the watched copy); `config` replaces the case's.
    """
    import torch

    torch.manual_seed(0)
    np.random.seed(0)  # some models draw from numpy's global state while they are built
    model_class = getattr(module or importlib.import_module(subject.module_name), class_name)
    model = model_class(build_config(case) if config is None else config).eval()
    strengthen(model)
    return model


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
    return np.asarray(parameter.detach().double().numpy() + 0.02 * noise)


def _noise(name: str, shape: tuple[int, ...]) -> Array:
    return np.asarray(np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape))
