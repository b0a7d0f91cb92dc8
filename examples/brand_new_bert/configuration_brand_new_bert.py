# Copyright 2026 The porter authors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""BrandNewBert model configuration"""

from huggingface_hub.dataclasses import strict
from transformers.configuration_utils import PreTrainedConfig


@strict
class BrandNewBertConfig(PreTrainedConfig):
    r"""
    Configuration of a [`BrandNewBertModel`]: a small encoder that knows positions only by their distance.

    Args:
        vocab_size (`int`, defaults to 1000): Number of word pieces.
        hidden_size (`int`, defaults to 64): Width of the residual stream.
        num_hidden_layers (`int`, defaults to 3): Number of encoder layers.
        num_attention_heads (`int`, defaults to 4): Number of attention heads; divides `hidden_size`.
        intermediate_size (`int`, defaults to 128): Width of the feed-forward part.
        hidden_act (`str`, defaults to `"gelu"`): Activation of the feed-forward part and of the prediction head.
        hidden_dropout_prob (`float`, defaults to 0.1): Dropout of embeddings and of each sublayer's output.
        attention_probs_dropout_prob (`float`, defaults to 0.1): Dropout of the attention probabilities.
        max_distance (`int`, defaults to 8): Tokens farther apart than this share one bias.
        type_vocab_size (`int`, defaults to 2): Number of segments.
        initializer_range (`float`, defaults to 0.02): Standard deviation of the weights at initialisation.
        layer_norm_eps (`float`, defaults to 1e-12): Epsilon of the layer normalisations.

    Example:

    ```python
    >>> from brand_new_bert import BrandNewBertConfig, BrandNewBertModel

    >>> model = BrandNewBertModel(BrandNewBertConfig())
    >>> model.config.max_distance
    8
    ```"""

    model_type = "brand_new_bert"

    vocab_size: int = 1000
    hidden_size: int = 64
    num_hidden_layers: int = 3
    num_attention_heads: int = 4
    intermediate_size: int = 128
    hidden_act: str = "gelu"
    hidden_dropout_prob: float | int = 0.1
    attention_probs_dropout_prob: float | int = 0.1
    max_distance: int = 8
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int | None = 0
    tie_word_embeddings: bool = True


__all__ = ["BrandNewBertConfig"]
