"""What a configuration says about the inputs of its model. Nothing else in porter reads these fields."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SPECIAL_TOKENS = ("pad", "bos", "eos", "sep", "cls", "mask", "decoder_start")


@dataclass(frozen=True)
class InputSizes:
    """Sizes of a model's inputs; None where the configuration does not name one.

    Attributes:
        vocabulary: how many ids there are.
        token_types: how many kinds of tokens there are.
        positions: the longest text that the model takes, None also where it has no limit.
        special: the special tokens by kind, such as "pad" and "eos"; only those that are set.
        width: the size of the vectors between the layers.
        labels: how many classes a classifier tells apart.
        channels: the channels of an image.
        image: height and width of an image.
        video_frames: how many images make a video.
        bins: the frequency bins of a spectrogram.
        frames: the frames of a spectrogram, where the model takes no other number.
        stride: the samples of sound that become one vector.
    """

    vocabulary: int | None
    token_types: int | None
    positions: int | None
    special: Mapping[str, int]
    width: int | None
    labels: int | None
    channels: int | None
    image: tuple[int, int] | None
    video_frames: int | None
    bins: int | None
    frames: int | None
    stride: int | None


def input_sizes(config: Any) -> InputSizes:
    """Read the sizes from a configuration and from the parts of it that describe text, images and sound.

    Args:
        config: a configuration of transformers; None, as plain modules have it, names no size.
    """
    text, vision, audio = _text(config), _part(config, "vision_config"), _part(config, "audio_config")
    positions = _number(text, "max_position_embeddings", "n_positions")
    source_positions = _number(audio, "max_source_positions")
    bins = _number(audio, "num_mel_bins", "feature_size", "input_feat_per_channel")
    strides = getattr(config, "conv_stride", None)
    return InputSizes(
        vocabulary=_number(text, "vocab_size"),
        token_types=_number(text, "type_vocab_size"),
        positions=positions if positions is not None and positions > 0 else None,  # -1 stands for no limit
        special={kind: token for kind in SPECIAL_TOKENS if (token := _special(config, text, kind)) is not None},
        width=_number(config, "hidden_size"),
        labels=_number(config, "num_labels"),
        channels=_number(vision, "num_channels", "in_channels"),
        image=_image(getattr(vision, "image_size", None)),
        video_frames=_number(config, "num_frames"),
        bins=bins,
        frames=_frames(audio, bins, source_positions),
        stride=math.prod(strides) if isinstance(strides, list | tuple) else None,
    )


def layers_and_heads(config: Any) -> tuple[tuple[int, int], ...]:
    """How many layers there are, and heads in each: in all, in the encoder, in the decoder, where that is said."""
    kinds = [("num_hidden_layers", "num_attention_heads")]
    kinds += [(f"{part}_layers", f"{part}_attention_heads") for part in ("encoder", "decoder")]
    found = ((_number(config, layers), _number(config, heads)) for layers, heads in kinds)
    return tuple(dict.fromkeys((layers, heads) for layers, heads in found if layers and heads))


@dataclass(frozen=True)
class Patches:
    """The sizes of what a vision model makes one vector of.

    Attributes:
        channels: of an image.
        side: height and width of a patch.
        frames: how many images make a patch of a video.
    """

    channels: int
    side: int
    frames: int


def patches_of(config: Any) -> Patches:
    """The patches of a configuration's vision part, in usual sizes where it names none."""
    vision = _part(config, "vision_config")
    return Patches(
        _number(vision, "in_channels", "num_channels", "in_chans") or 3,
        _number(vision, "patch_size") or 14,
        _number(vision, "temporal_patch_size") or 1,
    )


def token_of(config: Any, *names: str) -> int | None:
    """The first of these fields that holds the id of a token; None where none does."""
    tokens = (_number(config, name) for name in names)
    return next((token for token in tokens if token is not None and token >= 0), None)


def _special(config: Any, text: Any, kind: str) -> int | None:
    return next((token for part in (text, config) if (token := token_of(part, f"{kind}_token_id")) is not None), None)


def _frames(audio: Any, bins: int | None, source_positions: int | None) -> int | None:
    """Two frames become one position; a model of spectrograms without positions may name the frames themselves."""
    if source_positions is not None:
        return 2 * source_positions
    return None if bins is None else _number(audio, "max_length")


def _text(config: Any) -> Any:
    """The part of the configuration that describes the text, all of it where several parts do."""
    part = _part(config, "text_config")
    if part is not config or not hasattr(config, "get_text_config"):
        return part
    try:
        return config.get_text_config()
    except ValueError:
        return config


def _part(config: Any, name: str) -> Any:
    """The part of this name, also of a part such as `encoder`; all of the configuration where there is none."""
    parts = [config, *(part for part in getattr(config, "__dict__", {}).values() if hasattr(part, "model_type"))]
    return next((part for each in parts if (part := getattr(each, name, None)) is not None), config)


def _number(config: Any, *names: str) -> int | None:
    """The first of these fields that holds a whole number."""
    values = (getattr(config, name, None) for name in names)
    return next((value for value in values if isinstance(value, int) and not isinstance(value, bool)), None)


def _image(size: Any) -> tuple[int, int] | None:
    """Height and width, however the configuration writes them."""
    if isinstance(size, Mapping):
        size = (size.get("height"), size.get("width"))
    sides = size if isinstance(size, list | tuple) else (size,)
    numbers = [side for side in sides if isinstance(side, int)]
    return (numbers[0], numbers[-1]) if numbers else None
