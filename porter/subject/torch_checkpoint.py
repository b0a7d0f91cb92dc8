"""The PyTorch model of a checkpoint, loaded as every comparison wants it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from porter.base.errors import UsageError
from porter.base.installed import need
from porter.hub.configuration import architecture, read_config
from porter.runtime.stored.checkpoint import open_checkpoint
from porter.subject.plausible_sizes import check_sizes
from porter.subject.torch_class import torch_class
from porter.subject.torch_model import RUN_ERRORS


def load_torch(
    folder: Path, class_name: str | None = None, *, trust_remote_code: bool = False, named: str | None = None
) -> Any:
    """The model of a folder in float32, in eval mode, with eager attention.

    Args:
        folder: where config.json and PyTorch's weights are.
        class_name: the PyTorch class to load them with, instead of the one that config.json names.
        trust_remote_code: allow code that lies in the folder to be run.
        named: a model's name that the user typed; a folder of that name may hold the code instead.

    Raises:
        UsageError: weights are missing, broken, or do not fit.
    """
    need("torch", "transformers")
    import torch
    import transformers

    class_name = class_name or architecture(folder)
    with open_checkpoint(folder) as checkpoint:  # says in one sentence what is wrong with the files
        check_sizes(read_config(folder), folder / "config.json", checkpoint.tensors)
    model_class = torch_class(folder, class_name, trust_remote_code, named)
    transformers.utils.logging.disable_progress_bar()
    try:
        model, info = model_class.from_pretrained(
            folder,
            attn_implementation="eager",
            dtype=torch.float32,
            output_loading_info=True,
            local_files_only=True,
        )
    except RUN_ERRORS as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UsageError(f"{folder} cannot be loaded in PyTorch as {class_name}: {reason}") from error
    if info["missing_keys"]:
        missing = ", ".join(sorted(info["missing_keys"])[:3])
        raise UsageError(f"{folder} lacks weights of {class_name}, such as {missing}.", hint="check the checkpoint")
    return model.eval()
