"""The PyTorch model of a checkpoint, loaded as every comparison wants it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from porter.base.errors import UsageError
from porter.base.installed import need
from porter.base.reasons import reason
from porter.hub.configuration import architecture
from porter.subject.plausible_sizes import check_sizes_of
from porter.subject.torch_class import torch_class
from porter.subject.torch_model import RUN_ERRORS


class LacksWeights(UsageError):
    """A checkpoint does not have all the weights of the class that it is to be loaded with.

    Args:
        folder: of the checkpoint.
        class_name: of the class.
        names: of the weights that are missing, as the class calls them.
    """

    def __init__(self, folder: Path, class_name: str, names: Sequence[str]) -> None:
        shown = ", ".join(names[:3])
        super().__init__(f"{folder} lacks weights of {class_name}, such as {shown}.", hint="check the checkpoint")
        self.names = tuple(names)


def load_torch(
    folder: Path,
    class_name: str | None = None,
    *,
    trust_remote_code: bool = False,
    named: str | None = None,
    constructor: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    """The model of a folder in float32, in eval mode, with eager attention.

    Args:
        folder: where config.json and PyTorch's weights are.
        class_name: the PyTorch class to load them with, instead of the one that config.json names.
        trust_remote_code: allow code that lies in the folder to be run.
        named: a model's name that the user typed; a folder of that name may hold the code instead.
        constructor: further arguments of the class's constructor.

    Raises:
        LacksWeights: weights are missing.
        UsageError: weights are broken, or do not fit.
    """
    need("torch", "transformers")
    import torch
    import transformers

    class_name = class_name or architecture(folder)
    check_sizes_of(folder)
    model_class = torch_class(folder, class_name, trust_remote_code, named)
    transformers.utils.logging.disable_progress_bar()
    try:
        model, info = model_class.from_pretrained(
            folder,
            attn_implementation="eager",
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are refused below, by name
            local_files_only=True,
            **constructor,
        )
    except RUN_ERRORS as error:
        raise UsageError(f"{folder} cannot be loaded in PyTorch as {class_name}: {reason(error)}") from error
    for name, stored, wanted in sorted(info["mismatched_keys"]):
        sizes = f"{name} is {tuple(stored)} in the weights, and config.json makes it {tuple(wanted)}"
        raise UsageError(f"{folder} does not fit {class_name}: {sizes}.", hint="check config.json")
    if info["missing_keys"]:
        raise LacksWeights(folder, class_name, sorted(info["missing_keys"]))
    return model.eval()
