"""The base class of models in a tree of transformers 4, and layers that need to know its Keras."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from transformers.modeling_tf_utils import TFPreTrainedModel as TFPreTrainedModelOfTree

from porter.carried.keras_2_internals import normalize_any_rank
from porter.runtime.caches.structure import joined, split
from porter.runtime.keras_internals import every_layer, set_untracked
from porter.runtime.layers.build_rest import build_with_the_rest
from porter.runtime.losses.head_losses import loss_function, loss_type
from porter.runtime.model.initialization import DrawsWeights, draw_weights
from porter.runtime.model.mask_methods import MaskMethods
from porter.runtime.model.names import name_layers
from porter.runtime.model.tying import tie_variables
from porter.runtime.model.vocabulary import HasVocabulary
from porter.runtime.outputs.model_output import TFModelOutput


class CompletedModel(TFPreTrainedModelOfTree):
    """transformers' base class, whose layers get their names when a model is first built or called.

    Everything below is built then, and what the configuration ties is one weight.
    """

    _is_complete = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model, with its weights."""
        self.build_in_name_scope()
        return super().__call__(*args, **kwargs)

    def build_in_name_scope(self) -> None:
        """Build the model, once: all names are those of the places in which layers are kept."""
        if self._is_complete:
            return
        for layer in every_layer(self):  # a model inside is built with this one
            if isinstance(layer, CompletedModel):
                set_untracked(layer, "_is_complete", True)
        with tf.init_scope():
            name_layers(self)
            tie_variables(self)
            build_with_the_rest(self)(None)
            tied = tie_variables(self)
            draw_weights(self)
            for layer in every_layer(self):
                if isinstance(layer, keras.layers.LayerNormalization):
                    normalize_any_rank(layer)
        # A checkpoint may hold a tied weight under both names.
        ignored = [f"^{name.replace('.', '[.]')}$" for name in tied]
        known = self._keys_to_ignore_on_load_unexpected or []
        set_untracked(self, "_keys_to_ignore_on_load_unexpected", [*known, *ignored])

    def tie_weights(self) -> None:
        """Let tied weights be one."""
        tie_variables(self)


class TFPreTrainedModel(HasVocabulary, MaskMethods, DrawsWeights):
    """What PyTorch's base class has beside that of transformers' TensorFlow classes."""

    _tied_weights_keys: Any = None
    _input_embed_layer: str = "embed_tokens"

    def __init__(self, config: Any, *inputs: Any, **kwargs: Any) -> None:
        super().__init__(config, *inputs, **kwargs)
        if getattr(config, "_attn_implementation", None) is None:  # some files choose their classes by it
            config._attn_implementation = "eager"

    def post_init(self) -> None:
        """Nothing: PyTorch's constructors end with it, a port is completed when it is built."""

    @classmethod
    def can_generate(cls) -> bool:
        """Whether `generate` is for this class, as its name says: it scores the next token, with an encoder or not."""
        decodes = "decoder_input_ids" in inspect.signature(cls.call).parameters
        endings = ("ForCausalLM", "LMHeadModel", *(("ForConditionalGeneration",) if decodes else ()))
        return cls.__name__.endswith(endings)

    def prepare_inputs_for_generation(
        self, input_ids: Any, past_key_values: Any = None, attention_mask: Any = None, **kwargs: Any
    ) -> dict[str, Any]:
        """What `generate` calls the model with: all tokens, then the last alone with the cache.

        Args:
            input_ids: (batch, length), of the decoder.
            past_key_values: the cache's tensors, as `_update_model_kwargs_for_generation` keeps them; None at first.
            attention_mask: (batch, all positions), whose padding is not counted in the positions; the encoder's where
                there is one.
            kwargs: what else `generate` was given; what `call` does not take is left out.
        """
        taken = inspect.signature(self.call).parameters
        cache = None
        if past_key_values is not None:
            cache, input_ids = joined(self._cache_form, iter(past_key_values)), input_ids[:, -1:]
        given = {**kwargs, "attention_mask": attention_mask, "past_key_values": cache}
        if self.config.is_encoder_decoder:
            given |= {next(iter(taken)): None, "decoder_input_ids": input_ids}  # the encoder has run
        else:
            given["input_ids"] = input_ids
            if attention_mask is not None:
                places = tf.maximum(tf.cumsum(tf.cast(attention_mask, tf.int64), axis=-1) - 1, 0)
                given["position_ids"] = places[:, -tf.shape(input_ids)[1] :]
        return {name: value for name, value in given.items() if name in taken}

    def _update_model_kwargs_for_generation(
        self, outputs: Any, model_kwargs: dict[str, Any], is_encoder_decoder: bool = False
    ) -> dict[str, Any]:
        """The cache goes on as a tuple of tensors, which TensorFlow's loops and the choice of beams can take."""
        updated: dict[str, Any] = super()._update_model_kwargs_for_generation(
            outputs, model_kwargs, is_encoder_decoder
        )
        if updated.get("past_key_values") is not None:
            tensors: list[Any] = []
            form = split(updated["past_key_values"], tensors, counts_vary=False)
            set_untracked(self, "_cache_form", form)
            updated["past_key_values"] = tuple(tensors)
        return updated

    def serving_output(self, output: Any) -> Any:
        """An output as a saved model gives it: a cache is the tuple of its tensors."""
        cache = output.get("past_key_values") if isinstance(output, TFModelOutput) else None
        if cache is not None:
            tensors: list[Any] = []
            split(cache, tensors, counts_vary=False)
            output["past_key_values"] = tuple(tensors)
        return super().serving_output(output)

    @property
    def base_model(self) -> Any:
        """The model without its head: the layer under `base_model_prefix`, or the model itself."""
        return getattr(self, self.base_model_prefix, self) if self.base_model_prefix else self

    @property
    def loss_function(self) -> Any:
        """The loss of transformers that goes with the class's name, `loss_function(logits, labels, ...)`."""
        return loss_function(loss_type(type(self).__name__))


class TFGradientCheckpointingLayer(keras.layers.Layer):
    """`GradientCheckpointingLayer` of transformers; inner results are always kept in memory."""


class TiedDense(keras.layers.Dense):
    """`torch.nn.Linear` that may share its weight with an embedding, as language-model heads do.

    An ordinary `keras.layers.Dense` until `borrow` is called; from then on it has no kernel of its own and multiplies
    with the transposed embedding matrix.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self._lender: Callable[[], keras.layers.Embedding] | None = None

    def borrow(self, embedding: keras.layers.Embedding | None) -> None:
        """Use the matrix of `embedding`, (units, inputs), as weight; None gives the layer its own again."""
        # A function, because Keras would track a layer kept as attribute and own it twice.
        self._lender = None if embedding is None else lambda: embedding

    @property
    def borrows(self) -> bool:
        """Whether the weight belongs to an embedding."""
        return self._lender is not None

    @property
    def lender(self) -> keras.layers.Embedding | None:
        """The embedding whose weight this layer uses; None where it has its own."""
        return self._lender() if self._lender is not None else None

    def build(self, input_shape: Any) -> None:
        """Add the weights that are not borrowed; the last size of `input_shape` is the number of inputs."""
        if self._lender is None:
            super().build(input_shape)
            return
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.units,), initializer=self.bias_initializer)
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Multiply and add: `(..., inputs)` to `(..., units)`."""
        kernel = self.kernel if self._lender is None else self._lender().embeddings
        outputs = tf.linalg.matmul(inputs, tf.cast(kernel, inputs.dtype), transpose_b=self._lender is not None)
        if self.bias is not None:
            outputs = outputs + self.bias
        return self.activation(outputs) if self.activation is not None else outputs
