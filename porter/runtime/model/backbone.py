"""Backbones: models that give the feature maps of chosen stages."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from porter.runtime.keras_internals import wraps_call

Function = TypeVar("Function", bound=Callable[..., Any])


class TFBackboneMixin:
    """Stages and channels of a backbone, stands before the pretrained base class.

    The model sets `num_features`, the channels of every stage, in its constructor.
    """

    has_attentions = True

    def __init__(self, config: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)  # type: ignore[call-arg]  # a mixin before the pretrained base
        self.stage_names = config.stage_names
        config.verify_out_features_out_indices()
        self.num_features: Any = None

    @property
    def out_features(self) -> list[str]:
        """Names of the stages whose feature maps are given."""
        found: list[str] = self.config._out_features  # type: ignore[attr-defined]  # set by the pretrained base
        return found

    @property
    def out_indices(self) -> list[int]:
        """Positions of those stages."""
        found: list[int] = self.config._out_indices  # type: ignore[attr-defined]  # as above
        return found

    @property
    def out_feature_channels(self) -> dict[str, int]:
        """Channels of every stage by name."""
        return dict(zip(self.stage_names, self.num_features, strict=True))

    @property
    def channels(self) -> list[int]:
        """Channels of the feature maps."""
        return [self.out_feature_channels[name] for name in self.out_features]

    def forward_with_filtered_kwargs(self, *args: Any, **kwargs: Any) -> Any:
        """The call with only those keyword arguments that the backbone takes."""
        taken = inspect.signature(self.call).parameters  # type: ignore[attr-defined]  # a mixin before a Keras model
        return self(*args, **{name: value for name, value in kwargs.items() if name in taken})  # type: ignore[operator]


def filter_output_hidden_states(call: Function) -> Function:
    """Let a backbone compute `hidden_states` for its feature maps always, and return them only when asked."""

    signature = inspect.signature(call)

    @wraps_call(call)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(self, *args, **kwargs)
        asked = bound.arguments.get("output_hidden_states")
        if asked is None:
            asked = getattr(self.config, "output_hidden_states", False)
        bound.arguments["output_hidden_states"] = True
        output = call(*bound.args, **bound.kwargs)
        if not asked:
            output = type(output)(**{name: value for name, value in output.items() if name != "hidden_states"})
        return output

    return wrapper  # type: ignore[return-value]
