"""Checkpoints of a small BERT in PyTorch, and the hand-written TensorFlow model that must equal it."""

import numpy as np
import tensorflow as tf
import torch
from transformers import BertConfig

IDS = np.random.default_rng(0).integers(1, 99, size=(2, 7))
MASK = np.array([[1] * 7, [1] * 4 + [0] * 3])


def config(**kwargs):
    return BertConfig(
        vocab_size=99,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=37,
        max_position_embeddings=40,
        attn_implementation="eager",
        **kwargs,
    )


def strong(torch_class, **kwargs):
    """A PyTorch model in evaluation mode whose every weight is far from 0 and 1."""
    torch.manual_seed(0)
    model = torch_class(config(**kwargs)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def tensors(framework, **arrays):
    make = torch.tensor if framework == "torch" else tf.constant
    return {name: make(array) for name, array in arrays.items()}
