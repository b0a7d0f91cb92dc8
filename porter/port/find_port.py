"""Find the TensorFlow file of a checkpoint: given, beside the weights, or scaffolded on the fly."""

from __future__ import annotations

from pathlib import Path

from porter.base.early_checks import tf_file
from porter.base.errors import UsageError
from porter.hub.configuration import architecture
from porter.hub.trust import check_port
from porter.port.load import PortSource
from porter.runtime.model.beside import PATTERN, file_with


def find_port(
    model_dir: Path,
    tf_option: str | None,
    scratch: Path,
    trust_remote_code: bool = False,
    torch_name: str | None = None,
) -> PortSource:
    """The TensorFlow file for the checkpoint in `model_dir`.

    Args:
        model_dir: folder with config.json and PyTorch weights.
        tf_option: `FILE` or `FILE:CLASS` as the user gave it; None: a `modeling_tf_*.py` beside the weights, else the
            model is scaffolded into `scratch`.
        scratch: folder for a scaffolded file.
        trust_remote_code: allow code that lies in `model_dir` to be run; what porter wrote there may be anyway.
        torch_name: PyTorch class to use instead of the one that config.json names.

    Raises:
        UsageError: the file does not exist, there are several and none was chosen, or it is not trusted.
    """
    model_dir = model_dir.resolve()
    given, class_name = tf_file(tf_option) if tf_option else (None, None)
    class_name = class_name or f"TF{torch_name or architecture(model_dir)}"
    file = (
        given
        or _beside(model_dir, class_name, trust_remote_code)
        or _scaffolded(model_dir, class_name, scratch, trust_remote_code)
    )
    return PortSource(file, class_name)


def _beside(model_dir: Path, class_name: str, trusted: bool) -> Path | None:
    """The TensorFlow file in the folder; of several, as where a model holds others, the one with the class."""
    found = sorted(model_dir.glob(PATTERN))
    check_port(model_dir, trusted)
    own = file_with(model_dir, class_name.removeprefix("TF"))
    if own is not None:  # others there are of models that it holds
        return own
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise UsageError(f"{model_dir} holds several TensorFlow files: {names}.", hint="choose one with --tf FILE")
    return found[0] if found else None


def _scaffolded(model_dir: Path, class_name: str, scratch: Path, trust_remote_code: bool) -> Path:
    from porter.port.chain import Options, run

    classes = (class_name.removeprefix("TF"),)
    result = run(Options(str(model_dir), scratch, classes, None, False, trust_remote_code))
    file: Path = next(path for path in result.written if path.match(PATTERN))
    return file
