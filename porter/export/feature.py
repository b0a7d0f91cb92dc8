"""Features: what a checkpoint is exported for, in the names of the old `transformers.onnx`, and the class of each."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from porter.base.errors import UsageError

DEFAULT = "default"
WITH_PAST = "-with-past"
# Tables of transformers whose feature has another name than the table.
USUAL_NAMES = {
    "seq-to-seq-causal-lm": "seq2seq-lm",
    "speech-seq-2-seq": "speech2seq-lm",
    "masked-image-modeling": "masked-im",
    "image-text-to-text": "vision2seq-lm",
}
_TABLE = re.compile(r"MODEL_FOR_(\w+)_MAPPING_NAMES")


@dataclass(frozen=True)
class Feature:
    """A feature of a class.

    Attributes:
        name: as `causal-lm`, without `-with-past`.
        class_name: the PyTorch class that computes it.
        with_past: whether keys and values of earlier tokens go in and come out.
    """

    name: str
    class_name: str
    with_past: bool = False

    def __str__(self) -> str:
        return self.name + (WITH_PAST if self.with_past else "")


def feature_tables() -> dict[str, Mapping[str, Any]]:
    """For each feature the class names by model type, from transformers' own tables."""
    from transformers.models.auto import modeling_auto

    tables: dict[str, Mapping[str, Any]] = {DEFAULT: modeling_auto.MODEL_MAPPING_NAMES}
    for variable, table in vars(modeling_auto).items():
        found = _TABLE.fullmatch(variable)
        if found is not None:
            name = found[1].lower().replace("_", "-")
            tables[USUAL_NAMES.get(name, name)] = table
    return tables


def features_of(config: Any) -> list[Feature]:
    """The features that transformers has classes for, of a model with this configuration."""
    return list(_features(config))


def _features(config: Any) -> Iterator[Feature]:
    import transformers

    for name, table in feature_tables().items():
        class_name = _first(table.get(getattr(config, "model_type", "")))
        model_class = getattr(transformers, class_name, None) if class_name else None
        if model_class is None:
            continue
        yield Feature(name, class_name)
        if has_cache(model_class, config) and (name == DEFAULT or model_class.can_generate()):
            yield Feature(name, class_name, with_past=True)


def feature_named(text: str | None, config: Any, architecture: str) -> Feature:
    """The feature that the user names; without a name that of the class in config.json.

    Raises:
        UsageError: there is no such feature, or the model type has no class for it.
    """
    known = features_of(config)
    if text is None:
        own = (feature for feature in known if feature.class_name == architecture)
        return next(own, Feature(DEFAULT, architecture))
    if text in (DEFAULT, DEFAULT + WITH_PAST) and not known:
        return Feature(DEFAULT, architecture, text.endswith(WITH_PAST))
    for feature in known:
        if str(feature) == text:
            return feature
    raise _unknown(text, config, known)


def _unknown(text: str, config: Any, known: list[Feature]) -> UsageError:
    names = [str(feature) for feature in known]
    if text.removesuffix(WITH_PAST) not in feature_tables():
        near = difflib.get_close_matches(text, names or list(feature_tables()), 1)
        hint = (
            f"did you mean {near[0]}?" if near else "porter export onnx --list-features MODEL names those of a model"
        )
        return UsageError(f"There is no feature {text}.", hint=hint)
    lacks = f"no cache for {text}" if text.removesuffix(WITH_PAST) in names else f"no class for the feature {text}"
    model_type = getattr(config, "model_type", "") or "this model"
    hint = f"it has {', '.join(names)}" if names else "leave --feature out"
    return UsageError(f"{model_type} has {lacks}.", hint=hint)


def has_cache(model_class: Any, config: Any) -> bool:
    """Whether a class takes keys and values of earlier tokens and gives its own back."""
    taken = inspect.signature(model_class.forward).parameters
    decodes = getattr(config, "is_encoder_decoder", False) or getattr(config, "is_decoder", True)
    return {"past_key_values", "use_cache"} <= set(taken) and bool(decodes)


def _first(names: Any) -> str:
    """Some tables name several classes for a type; the first is the usual one."""
    if isinstance(names, tuple | list):
        return str(names[0])
    return names or ""
