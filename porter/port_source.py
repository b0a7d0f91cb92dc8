"""The two sides of a checkpoint: its TensorFlow file, found, given or scaffolded on the fly, and its PyTorch class."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from porter.errors import UsageError
from porter.runtime.beside import PATTERN, file_with


class BrokenPort(UsageError):
    """A TensorFlow file that cannot be imported, or lacks the class; what it raised is the cause."""


@dataclass(frozen=True)
class PortSource:
    """A TensorFlow modeling file and the class in it that fits a checkpoint."""

    file: Path
    class_name: str


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
        trust_remote_code: allow code that lies in `model_dir` to be run: while scaffolding, and where the folder
            was downloaded from the Hub.
        torch_name: PyTorch class to use instead of the one that config.json names.

    Raises:
        UsageError: the file does not exist, or there are several and none was chosen.
    """
    given = Path(tf_option) if tf_option else None
    class_name = None
    if given is not None and not given.exists() and ":" in given.name:
        name, _, class_name = given.name.rpartition(":")
        given = given.with_name(name)
    if given is not None and not given.is_file():
        raise UsageError(f"There is no TensorFlow file {given}.", hint="--tf FILE or --tf FILE:CLASS")
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
    if found and not trusted and _is_download(model_dir):
        hint = "--trust-remote-code runs it, --tf FILE takes another"
        raise UsageError(f"The repository brings its own TensorFlow code, {found[0].name}.", hint=hint)
    own = file_with(model_dir, class_name.removeprefix("TF"))
    if own is not None:  # others there are of models that it holds
        return own
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise UsageError(f"{model_dir} holds several TensorFlow files: {names}.", hint="choose one with --tf FILE")
    return found[0] if found else None


def _is_download(folder: Path) -> bool:
    """Whether huggingface_hub made the folder: in its cache, or elsewhere with its records inside."""
    return folder.absolute().parent.name == "snapshots" or (folder / ".cache" / "huggingface").is_dir()


def _scaffolded(model_dir: Path, class_name: str, scratch: Path, trust_remote_code: bool) -> Path:
    from porter.scaffold import Options, run

    classes = (class_name.removeprefix("TF"),)
    result = run(Options(str(model_dir), scratch, classes, None, False, trust_remote_code))
    file: Path = next(path for path in result.written if path.match(PATTERN))
    return file


def architecture(model_dir: Path) -> str:
    """The PyTorch class that config.json names.

    Raises:
        UsageError: there is no config.json, or it names no class, or several.
    """
    named = read_config(model_dir).get("architectures")
    if not isinstance(named, list) or len(named) != 1 or not isinstance(named[0], str):
        found = ", ".join(map(str, named)) if isinstance(named, list) and named else "no class"
        hint = "--override-model-class NAME or --tf FILE:CLASS chooses one"
        raise UsageError(f"The config.json in {model_dir} names {found} as its architecture.", hint=hint)
    return named[0]


def read_config(model_dir: Path) -> dict[str, Any]:
    """The config.json of a checkpoint as a table.

    Raises:
        UsageError: there is none, or it is no JSON table.
    """
    path = model_dir / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"There is no {path}.", hint="give a folder that save_pretrained wrote") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is no JSON file.") from error
    if not isinstance(config, dict):
        raise UsageError(f"{path} holds no configuration.")
    return config


def torch_class(model_dir: Path, name: str, trust_remote_code: bool = False) -> Any:
    """The PyTorch class `name`: transformers' own, else the one in the modeling file that porter finds for the folder.

    Raises:
        UsageError: neither has it.
    """
    import transformers

    found = getattr(transformers, name, None)
    if found is None:
        from porter.subject.locate import locate

        module = locate(str(model_dir), trust_remote_code).module_name
        found = getattr(importlib.import_module(module), name, None)
    if not isinstance(found, type):
        raise UsageError(f"There is no PyTorch class {name}.", hint="check architectures in config.json")
    return found


def load_class(source: PortSource) -> Any:
    """The TensorFlow class, its file imported by path.

    Raises:
        BrokenPort: the file cannot be imported, or does not have the class.
    """
    module = import_file(source.file)
    found = getattr(module, source.class_name, None)
    if not isinstance(found, type):
        classes = [name for name, value in vars(module).items() if isinstance(value, type) and name.startswith("TF")]
        own = ", ".join(name for name in classes if vars(module)[name].__module__ == module.__name__) or "no TF class"
        raise BrokenPort(f"{source.file} has no class {source.class_name}; it has {own}.", hint="--tf FILE:CLASS")
    return found


def import_file(path: Path) -> ModuleType:
    """Import a file by path, as its own name.

    Raises:
        BrokenPort: the file is no Python, or something in it fails.
    """
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # what a user's file raises while it is imported may be anything
        del sys.modules[name]
        raise BrokenPort(f"{path} cannot be imported: {type(error).__name__}: {error}.") from error
    return module
