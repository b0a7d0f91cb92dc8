"""PyTorch's own transformer: encoder and decoder layers, stacks of them, and both together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import keras
import tensorflow as tf

from porter.runtime.layers.multihead import MultiheadAttention

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"relu": tf.nn.relu, "gelu": keras.activations.gelu}


class _Block(keras.layers.Layer):
    """What an encoder and a decoder layer share.

    Args:
        d_model: number of features.
        nhead: number of heads.
        dim_feedforward: number of features between the two dense layers.
        dropout: rate of everything that is dropped.
        activation: between the dense layers: "relu", "gelu" or a function.
        layer_norm_eps: added to the variances.
        batch_first: `(batch, positions, features)` instead of `(positions, batch, features)`.
        norm_first: whether each part normalises what it gets, instead of what it gives.
        bias: whether dense layers and norms have one.
        kwargs: Keras' own: name, dtype, trainable.
    """

    norms = 2

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Any = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._made_with = {
            "d_model": d_model, "nhead": nhead, "dim_feedforward": dim_feedforward, "dropout": dropout,
            "activation": activation, "layer_norm_eps": layer_norm_eps, "batch_first": batch_first,
            "norm_first": norm_first, "bias": bias,
        }  # fmt: skip
        self.d_model, self.norm_first = d_model, norm_first
        self.activation = ACTIVATIONS[activation] if isinstance(activation, str) else activation
        options: dict[str, Any] = {"dropout": dropout, "bias": bias, "batch_first": batch_first}
        self.self_attn = MultiheadAttention(d_model, nhead, name="self_attn", **options)
        if self.norms == 3:
            self.multihead_attn = MultiheadAttention(d_model, nhead, name="multihead_attn", **options)
        self.linear1 = keras.layers.Dense(dim_feedforward, use_bias=bias, name="linear1")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        self.linear2 = keras.layers.Dense(d_model, use_bias=bias, name="linear2")
        for number in range(1, self.norms + 1):
            norm = keras.layers.LayerNormalization(epsilon=layer_norm_eps, center=bias, name=f"norm{number}")
            setattr(self, f"norm{number}", norm)
        for number in range(1, self.norms + 1):
            setattr(self, f"dropout{number}", keras.layers.Dropout(dropout, name=f"dropout{number}"))

    def clone(self, name: str) -> Self:
        """A layer like this one with weights of its own."""
        return type(self)(**self._made_with, name=name)

    def build(self, input_shape: Any = None) -> None:
        """Add the weights."""
        shape = (None, None, self.d_model)
        self.self_attn.build(None)
        if self.norms == 3:
            self.multihead_attn.build(None)
        self.linear1.build(shape)
        self.linear2.build((None, None, self.linear1.units))
        for number in range(1, self.norms + 1):
            getattr(self, f"norm{number}").build(shape)

    def _part(self, number: int, x: Any, part: Callable[[Any], Any], training: bool | None) -> Any:
        """A part with its norm, dropout and the way around it."""
        norm, dropout = getattr(self, f"norm{number}"), getattr(self, f"dropout{number}")
        if self.norm_first:
            return x + dropout(part(norm(x)), training=training)
        return norm(x + dropout(part(x), training=training))

    def _feed_forward(self, x: Any, training: bool | None) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x)), training=training))


class TransformerEncoderLayer(_Block):
    """`torch.nn.TransformerEncoderLayer`."""

    def call(
        self,
        src: Any,
        src_mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool = False,
        training: bool | None = False,
    ) -> Any:
        """Attend to `src` itself and transform; masks as `MultiheadAttention` takes them."""
        del is_causal  # a hint: the mask says it as well

        def attend(x: Any) -> Any:
            return self.self_attn(
                x,
                x,
                x,
                key_padding_mask=src_key_padding_mask,
                attn_mask=src_mask,
                need_weights=False,
                training=training,
            )[0]

        src = self._part(1, src, attend, training)
        return self._part(2, src, lambda x: self._feed_forward(x, training), training)


class TransformerDecoderLayer(_Block):
    """`torch.nn.TransformerDecoderLayer`."""

    norms = 3

    def call(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
        training: bool | None = False,
    ) -> Any:
        """Attend to `tgt` itself, then to `memory`, and transform; masks as `MultiheadAttention` takes them."""
        del tgt_is_causal, memory_is_causal  # hints: the masks say it as well
        options = {"need_weights": False, "training": training}

        def attend(x: Any) -> Any:
            masks = {"key_padding_mask": tgt_key_padding_mask, "attn_mask": tgt_mask}
            return self.self_attn(x, x, x, **masks, **options)[0]

        def attend_to_memory(x: Any) -> Any:
            masks = {"key_padding_mask": memory_key_padding_mask, "attn_mask": memory_mask}
            return self.multihead_attn(x, memory, memory, **masks, **options)[0]

        tgt = self._part(1, tgt, attend, training)
        tgt = self._part(2, tgt, attend_to_memory, training)
        return self._part(3, tgt, lambda x: self._feed_forward(x, training), training)


class _Stack(keras.layers.Layer):
    def __init__(self, layer: Any, num_layers: int, norm: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_layers = num_layers
        self.layers = [layer.clone(f"layers.{index}") for index in range(num_layers)]
        self.norm = norm

    def build(self, input_shape: Any = None) -> None:
        """Add the weights of all members."""
        for layer in self.layers:
            layer.build(None)
        if self.norm is not None and not self.norm.built:
            self.norm.build((None, None, self.layers[0].d_model))


class TransformerEncoder(_Stack):
    """`torch.nn.TransformerEncoder`: copies of a layer, one after the other.

    Args:
        encoder_layer: the layer to copy.
        num_layers: how many copies.
        norm: normalises the end; None for none.
        enable_nested_tensor: as in PyTorch. There it leaves out padding at the end of rows in inference, where zeros
            stand then; so it is here.
        mask_check: not used.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __init__(
        self,
        encoder_layer: TransformerEncoderLayer,
        num_layers: int,
        norm: Any = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm, **kwargs)
        del mask_check
        made_with = encoder_layer._made_with
        self.leaves_out_padding = (
            enable_nested_tensor
            and made_with["batch_first"]
            and not made_with["norm_first"]
            and made_with["bias"]
            and made_with["nhead"] % 2 == 0
            and encoder_layer.activation in ACTIVATIONS.values()
        )

    def call(
        self,
        src: Any,
        attention_mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool | None = None,
        training: bool | None = False,
    ) -> Any:
        """Go through the layers; `attention_mask` is PyTorch's `mask`, a name that Keras keeps for itself."""
        del is_causal
        masks = {"src_mask": attention_mask, "src_key_padding_mask": src_key_padding_mask}
        output = src
        for layer in self.layers:
            output = layer(output, **masks, training=training)
        if self.leaves_out_padding and not training and attention_mask is None and src_key_padding_mask is not None:
            output = _without_padding(output, src_key_padding_mask)
        return output if self.norm is None else self.norm(output)


def _without_padding(output: Any, padding: Any) -> Any:
    """Zeros where a row is padded, unless padding stands elsewhere than at the end of some row."""
    padding = padding if padding.dtype == tf.bool else padding < 0
    from_here_on = tf.cumsum(tf.cast(padding, tf.int32), axis=-1) > 0
    at_the_end = tf.reduce_all(from_here_on == padding)
    return tf.where((padding & at_the_end)[..., tf.newaxis], tf.zeros_like(output), output)


class TransformerDecoder(_Stack):
    """`torch.nn.TransformerDecoder`: copies of a layer, one after the other.

    Args:
        decoder_layer: the layer to copy.
        num_layers: how many copies.
        norm: normalises the end; None for none.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __init__(
        self, decoder_layer: TransformerDecoderLayer, num_layers: int, norm: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(decoder_layer, num_layers, norm, **kwargs)

    def call(self, tgt: Any, memory: Any, *masks: Any, training: bool | None = False, **named: Any) -> Any:
        """Go through the layers; masks as `TransformerDecoderLayer` takes them."""
        for layer in self.layers:
            tgt = layer(tgt, memory, *masks, training=training, **named)
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(keras.layers.Layer):
    """`torch.nn.Transformer`, whose encoder and decoder each end with a norm.

    Args:
        d_model: number of features.
        nhead: number of heads.
        num_encoder_layers: how many layers the encoder has.
        num_decoder_layers: how many layers the decoder has.
        dim_feedforward: number of features between the two dense layers of a layer.
        dropout: rate of everything that is dropped.
        activation: between the dense layers: "relu", "gelu" or a function.
        layer_norm_eps: added to the variances.
        batch_first: `(batch, positions, features)` instead of `(positions, batch, features)`.
        norm_first: whether each part normalises what it gets, instead of what it gives.
        bias: whether dense layers and norms have one.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Any = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        options = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
        norms = [
            keras.layers.LayerNormalization(epsilon=layer_norm_eps, center=bias, name="norm") for _ in ("one", "two")
        ]
        self.encoder = TransformerEncoder(
            TransformerEncoderLayer(*options), num_encoder_layers, norms[0], name="encoder"
        )
        self.decoder = TransformerDecoder(
            TransformerDecoderLayer(*options), num_decoder_layers, norms[1], name="decoder"
        )

    def build(self, input_shape: Any = None) -> None:
        """Add the weights of both."""
        for stack in (self.encoder, self.decoder):
            if isinstance(stack, (TransformerEncoder, TransformerDecoder)):  # not what a subclass has in their place
                stack.build(None)

    def call(
        self,
        src: Any,
        tgt: Any,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        training: bool | None = False,
        **hints: Any,
    ) -> Any:
        """Encode `src`, and decode `tgt` with it; masks as the layers take them."""
        del hints
        memory = self.encoder(src, src_mask, src_key_padding_mask=src_key_padding_mask, training=training)
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            training=training,
        )

    @staticmethod
    def generate_square_subsequent_mask(size: int) -> Any:
        """A mask that hides what comes later: -inf above the diagonal, 0 elsewhere."""
        later = tf.linalg.band_part(tf.ones((size, size), tf.bool), -1, 0)
        return tf.where(later, tf.constant(0.0), tf.constant(float("-inf")))
