"""A model's embeddings: which they are, putting others in their place, and changing the number of tokens."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from porter.runtime.keras_internals import is_compiled, own_kernel, own_table, put
from porter.runtime.layers.dense import TiedDense
from porter.runtime.layers.places import sublayers
from porter.runtime.model.building import replace_layer
from porter.runtime.model.completed import CompletedModel
from porter.runtime.model.embeddings import input_embeddings
from porter.runtime.model.initialization import draw_weights
from porter.runtime.model.names import named_layers, named_variables, own_variables
from porter.runtime.port_errors import WrongValue

logger = logging.getLogger(__name__)

# The share of the old rows' covariance with which new rows differ from their mean, as in PyTorch.
_SPREAD = 1e-9


class HasVocabulary(CompletedModel):
    """A model that embeds tokens and perhaps scores them."""

    config: Any

    def get_input_embeddings(self) -> Any:
        """The layer that embeds tokens or patches.

        Raises:
            NotImplementedError: it is not in one of the usual places.
        """
        return input_embeddings(self)

    def get_output_embeddings(self) -> Any:
        """The layer that scores tokens, `lm_head`; None for models without."""
        return getattr(self, "lm_head", None)

    def set_input_embeddings(self, value: Any) -> None:
        """Put another layer, or other numbers, where the model embeds its tokens; what is tied to it follows.

        Args:
            value: an Embedding layer, or an array `(tokens, features)`.

        Raises:
            WrongValue: it has other sizes than the model's; `resize_token_embeddings` changes the number of tokens.
        """
        former = self.get_input_embeddings()
        sizes = _sizes(value)
        free = self.get_output_embeddings() is None
        if sizes[1:] != _sizes(former)[1:] or (sizes != _sizes(former) and not free):
            raise WrongValue(f"The embeddings are {_sizes(former)}, (tokens, features); {sizes} do not fit.")
        if isinstance(value, keras.Layer):
            replace_layer(self, former, value)
            self.tie_weights()
        else:
            put(self, former.embeddings, np.asarray(value))
        self._count_tokens(sizes[0])

    def set_output_embeddings(self, value: keras.Layer) -> None:
        """Put another layer where the model scores tokens.

        Raises:
            WrongValue: the model has no such layer, or its weight is the embeddings'.
        """
        former = self.get_output_embeddings()
        if former is None or getattr(former, "borrows", False):
            why = "has no output embeddings" if former is None else "scores tokens with its input embeddings"
            raise WrongValue(f"{type(self).__name__} {why}.")
        replace_layer(self, former, value)

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None, mean_resizing: bool = True
    ) -> Any:
        """Let the model have so many tokens: its embeddings, its head with the bias, and `config.vocab_size`.

        Rows are added or dropped at the end. A model that was compiled must be compiled again.

        Args:
            new_num_tokens: the number of tokens; None keeps it.
            pad_to_multiple_of: round the number up to a multiple of this.
            mean_resizing: True draws new rows around the mean of the old ones, with a little of their covariance;
                False as the model draws fresh weights.

        Returns:
            The layer that embeds tokens.

        Raises:
            TypeError: the model embeds something else than tokens.
            WrongValue: the model is not built, or the number is not positive.
        """
        embeddings = self.get_input_embeddings()
        if not isinstance(embeddings, keras.layers.Embedding):
            raise TypeError(f"{type(self).__name__} embeds its input with a {type(embeddings).__name__}, not tokens.")
        if not self.built:
            raise WrongValue(f"{type(self).__name__} has no weights yet: build it before resizing.")
        former = embeddings.input_dim
        step = pad_to_multiple_of or 1
        count = -(-(former if new_num_tokens is None else new_num_tokens) // step) * step
        if count < 1:
            raise WrongValue(f"A model cannot have {count} tokens.")
        if count != former:
            self._resize(former, count, mean_resizing)
        return embeddings

    def _resize(self, former: int, count: int, mean_resizing: bool) -> None:
        names = {id(entry.variable): entry.name for entry in named_variables(self).values()}
        resized = frozenset(names[id(variable)] for variable, _ in self._rows())
        own = _own(self, former)
        old = [np.moveaxis(variable.numpy(), axis, 0) for variable, axis in self._rows()]
        for (variable, axis), all_rows in zip(list(self._rows()), old, strict=True):
            rows = all_rows[:count]
            drawn = _around_mean(rows, max(count - former, 0)) if mean_resizing else _zeros(rows, count - former)
            put(self, variable, np.moveaxis(np.concatenate([rows, drawn]), 0, axis))
        if count > former and not mean_resizing:
            draw_weights(self, only=resized)
            for (variable, axis), rows in zip(self._rows(), old, strict=True):
                fresh = np.moveaxis(variable.numpy(), axis, 0)
                variable.assign(np.moveaxis(np.concatenate([rows, fresh[former:]]), 0, axis))
        for variable in own:
            rows = np.moveaxis(variable.numpy(), -1, 0)[:count]
            put(self, variable, np.moveaxis(np.concatenate([rows, _zeros(rows, count - former)]), 0, -1))
        self._count_tokens(count)

    def _rows(self) -> Iterator[tuple[Any, int]]:
        """The variables of the embeddings and of the head that have a row for each token, and along which axis."""
        for layer in (self.get_input_embeddings(), self.get_output_embeddings()):
            if isinstance(layer, keras.layers.Embedding):
                yield layer.embeddings, 0
            elif layer is not None:
                if not getattr(layer, "borrows", False):
                    yield own_kernel(layer), -1
                if layer.bias is not None:
                    yield layer.bias, -1

    def _count_tokens(self, count: int) -> None:
        """Write a number of tokens down wherever the model keeps it."""
        table = self.get_input_embeddings().embeddings
        head = self.get_output_embeddings()
        text_config = self.config.get_text_config()
        former, text_config.vocab_size = text_config.vocab_size, count
        for _, layer in named_layers(self):
            if isinstance(layer, keras.layers.Embedding) and own_table(layer) is table:
                layer.input_dim = count
            if vars(layer).get("vocab_size") == former:
                layer.vocab_size = count
        if isinstance(head, keras.layers.Dense | TiedDense):
            head.units = count
        if is_compiled(self):
            logger.warning("%s has other weights than its optimizer knows: compile it again.", type(self).__name__)
            self.train_function = self.test_function = self.predict_function = None


def _own(model: HasVocabulary, tokens: int) -> list[Any]:
    """Weights `(..., tokens)` of the model and of what holds its head; PyTorch's models fill them up with zeros."""
    head = model.get_output_embeddings()
    around = (layer for _, layer in named_layers(model) if any(child is head for child in sublayers(layer)))
    rows = {id(variable) for variable, _ in model._rows()}
    owned = {id(variable): variable for layer in (model, *around) for _, _, variable, _ in own_variables(layer)}
    return [each for key, each in owned.items() if key not in rows and tuple(each.shape)[-1:] == (tokens,)]


def _sizes(value: Any) -> tuple[int, ...]:
    return (value.input_dim, value.output_dim) if isinstance(value, keras.layers.Embedding) else tuple(value.shape)


def _zeros(rows: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    return np.zeros((max(count, 0), *rows.shape[1:]), rows.dtype)


def _around_mean(rows: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    """New rows from the normal distribution with the mean of the rows and a little of their covariance.

    Sums of centred rows with random factors have that covariance, so it is never computed.
    """
    full = rows.astype(np.float32)
    mean = full.mean(axis=0)
    factors = tf.random.normal((count, len(full)), stddev=(_SPREAD / len(full)) ** 0.5).numpy()
    drawn: np.ndarray[Any, Any] = mean + np.tensordot(factors, full - mean, axes=1)
    return drawn.astype(rows.dtype)
