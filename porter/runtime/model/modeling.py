"""The base class of generated models: configuration, weights in and out, training, names that PyTorch knows."""

from __future__ import annotations

import inspect
import logging
from pathlib import Path
from typing import Any, Self

import numpy as np

from porter.runtime import losses
from porter.runtime.generation.generating import Generates
from porter.runtime.keras_internals import set_untracked, take_any_positional
from porter.runtime.model.datasets import PreparesDatasets
from porter.runtime.model.initialization import DrawsWeights, draw_weights
from porter.runtime.model.loading import (
    LoadingInfo,
    check,
    converted,
    differing_ties,
    load_tensors,
    loading_info,
    paired,
)
from porter.runtime.model.mask_methods import MaskMethods
from porter.runtime.model.names import named_variables, placed_layers
from porter.runtime.model.publishing import Published
from porter.runtime.model.saving import SavedByKeras
from porter.runtime.model.serialization import configuration, plain_arguments, register
from porter.runtime.model.summarized import Summarized
from porter.runtime.model.training import TrainsOnOwnLoss
from porter.runtime.model.transformers4 import current_names, stored_keys
from porter.runtime.model.tying import tied_names
from porter.runtime.model.vocabulary import HasVocabulary
from porter.runtime.stored.repository import Repository
from porter.runtime.stored.tensor_source import Checkpoint

logger = logging.getLogger(__name__)

_DOWNLOAD_OPTIONS = ("revision", "token", "cache_dir", "subfolder", "local_files_only", "force_download")


class TFPreTrainedModel(
    Generates,
    MaskMethods,
    Published,
    SavedByKeras,
    PreparesDatasets,
    Summarized,
    TrainsOnOwnLoss,
    HasVocabulary,
    DrawsWeights,
):
    """Base of all ported models.

    A subclass names its `config_class` and `base_model_prefix`, makes its layers in `__init__` and builds in `build()`
    those that need to be told their input shape. Weights exist after `build()`, `from_config` or `from_pretrained`.

    Args:
        config: an object of `config_class`.
        kwargs: Keras' own: name, dtype, trainable.
    """

    config_class: Any = None
    base_model_prefix: str = ""
    _tied_weights_keys: dict[str, str] | None = None
    _keys_to_ignore_on_load_missing: list[str] | None = None
    _keys_to_ignore_on_load_unexpected: list[str] | None = None
    _input_embed_layer: str = "embed_tokens"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        register(cls)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Remember the constructor's arguments, for `get_config`."""
        model: Self = super().__new__(cls, *args, **kwargs)
        set_untracked(model, "_arguments", plain_arguments(cls.__init__, args, kwargs))
        return model

    def __init__(self, config: Any, *inputs: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = configuration(self.config_class, config)
        if getattr(self.config, "_attn_implementation", None) is None:  # some files choose their classes by it
            self.config._attn_implementation = "eager"
        self.name_or_path = getattr(config, "name_or_path", "")
        # Graphs with shapes that depend on data do not compile; `compile(jit_compile=True)` still asks for XLA.
        self.supports_jit = False
        take_any_positional(self)
        self.loss_type = losses.loss_type(type(self).__name__)

    def post_init(self) -> None:
        """Nothing: PyTorch's constructors end with it, a port is completed when its constructor has returned."""

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None, **kwargs: Any) -> Self:
        """A built model with fresh weights, drawn as transformers draws them.

        Args:
            config: a configuration, or the dictionary of `get_config` when Keras loads a file.
            kwargs: further arguments of the constructor.
        """
        if isinstance(config, dict) and "config" in config:
            kwargs = {**config, **kwargs}
            config = kwargs.pop("config")
        model = cls(configuration(cls.config_class, config), **kwargs)
        model.build()
        return model

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        *model_args: Any,
        config: Any = None,
        from_pt: bool | None = None,
        output_loading_info: bool = False,
        ignore_mismatched_sizes: bool = False,
        **kwargs: Any,
    ) -> Any:
        """A built model with the weights of a folder or of a repository on the Hub.

        Args:
            pretrained_model_name_or_path: path of a folder, or `owner/name`.
            model_args: further arguments of the constructor.
            config: a configuration to use instead of the repository's.
            from_pt: True reads PyTorch's weights (safetensors or `.bin`, one file or several), False TensorFlow's.
                None reads TensorFlow's where there are any, else PyTorch's.
            output_loading_info: return `(model, info)`; info has missing_keys, unexpected_keys, mismatched_keys.
            ignore_mismatched_sizes: draw weights anew whose shape differs, instead of refusing.
            kwargs: revision, token, cache_dir, subfolder, local_files_only, force_download for the Hub; dtype is the
                type or the policy of all layers (`"bfloat16"`, `"mixed_float16"`); the rest overrides attributes of
                the configuration or goes to the constructor.

        Raises:
            CheckpointError: files are missing or damaged, or weights do not fit.
        """
        options = {key: kwargs.pop(key) for key in _DOWNLOAD_OPTIONS if kwargs.get(key) is not None}
        repository = Repository(str(pretrained_model_name_or_path), options)
        config = config if config is not None else repository.configuration(cls._config_class())
        own = {*inspect.signature(cls).parameters, "dtype"}
        for key in [key for key in kwargs if hasattr(config, key) and key not in own]:
            setattr(config, key, kwargs.pop(key))
        model = cls(config, *model_args, **kwargs)
        model.name_or_path = str(pretrained_model_name_or_path)
        model.generation_config = repository.generation_settings()
        from_pt = repository.holds_only_torch_weights() if from_pt is None else from_pt
        with repository.torch_checkpoint() if from_pt else repository.tf_checkpoint() as checkpoint:
            info = model.load_checkpoint(
                checkpoint,
                from_pt=from_pt,
                ignore_mismatched_sizes=ignore_mismatched_sizes,
                complete=not from_pt and repository.was_saved_by(cls.__name__),
            )
        return (model, info.to_dict()) if output_loading_info else model

    @classmethod
    def _config_class(cls) -> Any:
        if cls.config_class is not None:
            return cls.config_class
        raise TypeError(f"{cls.__name__} names no config_class.")

    def load_checkpoint(
        self, checkpoint: Checkpoint, *, from_pt: bool, ignore_mismatched_sizes: bool = False, complete: bool = False
    ) -> LoadingInfo:
        """Build the model if need be and load an open checkpoint; what it lacks is drawn anew.

        Args:
            checkpoint: the open checkpoint.
            from_pt: whether it holds PyTorch's weights.
            ignore_mismatched_sizes: whether weights of other shapes are drawn anew.
            complete: whether every weight must be found and used.

        Raises:
            CheckpointError: weights do not fit; the model then holds fresh weights.
        """
        self.build_for(checkpoint, from_pt=from_pt)
        checkpoint = converted(checkpoint, self) if from_pt else current_names(checkpoint, self)
        pairing, named = paired(self, checkpoint, from_pt=from_pt)
        info = loading_info(self, pairing, from_pt=from_pt)
        check(self, pairing, info, ignore_mismatched=ignore_mismatched_sizes, complete=complete)
        fresh = {named[name].name for name in (*pairing.missing, *(each.name for each in pairing.mismatched))}
        draw_weights(self, only=frozenset(fresh))
        load_tensors(checkpoint, pairing, named)
        return info

    def build_for(self, checkpoint: Checkpoint, *, from_pt: bool) -> None:
        """Build the model, unless it is, without the ties that an open checkpoint contradicts."""
        if not self.built:
            self.build_without_drawing(self._ties_to_leave(checkpoint, from_pt))

    def _ties_to_leave(self, checkpoint: Checkpoint, from_pt: bool) -> frozenset[str]:
        """Ties of the config that the checkpoint contradicts, holding different numbers for both."""
        tied = tied_names(self)
        if from_pt:
            differ = differing_ties(checkpoint, tied)
        else:
            paths = {place.name: place.path for place in placed_layers(self)}
            kernels = {t: f"{paths.get(t.removesuffix('.weight'))}/kernel" for t in tied if t.endswith(".weight")}
            stored = stored_keys(checkpoint, kernels.values(), self)
            differ = frozenset(target for target, kernel in kernels.items() if kernel in stored)
        for target in differ:
            logger.warning("The checkpoint has other weights for %s than for %s: not tied.", target, tied[target])
        return differ

    @property
    def base_model(self) -> Any:
        """The model without its head: the layer under `base_model_prefix`, or the model itself."""
        return getattr(self, self.base_model_prefix, self) if self.base_model_prefix else self

    @property
    def device(self) -> None:
        """None, for whatever asks PyTorch's models where they are: TensorFlow places its operations itself."""

    @property
    def loss_function(self) -> Any:
        """The loss of transformers that goes with the class's name, `loss_function(logits, labels, ...)`."""
        return losses.loss_function(self.loss_type)

    def num_parameters(self, only_trainable: bool = False) -> int:
        """How many numbers the weights have; tied weights count once."""
        entries = named_variables(self).values()
        return sum(int(np.prod(e.variable.shape)) for e in entries if e.variable.trainable or not only_trainable)
