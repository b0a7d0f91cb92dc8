"""Finds the modeling file that a name means: model type, modeling file, folder, checkpoint or Hub repository."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

from porter.base.errors import UsageError

SEARCHED = (".", "examples", "src/transformers/models")
LOOKED_IN = "./, ./examples/ and ./src/transformers/models/"
INSTALLED_MODELS = "transformers.models"


@dataclass(frozen=True)
class Location:
    """A modeling file, the module it is imported as, and configuration values of a checkpoint if one was named."""

    name: str
    file: Path
    module_name: str
    config_values: Mapping[str, object] = field(default_factory=dict)


def locate(name: str, trust_remote_code: bool = False) -> Location:
    """The modeling file that `name` means. Raises UsageError, saying where it was looked for."""
    path = Path(name).expanduser()
    if "/" not in name and not name.endswith(".py"):
        found = installed(name)
        if found is not None:
            return found
    for candidate in (path, *(Path(folder) / name for folder in SEARCHED)):
        if candidate.exists():
            return _local(candidate, trust_remote_code)
    if re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", name):
        return _on_the_hub(name, trust_remote_code)
    raise UsageError(
        f"{name!r} is neither a model type of the installed transformers nor a folder or file.",
        hint=f"looked in {LOOKED_IN}; a Hub repository is written owner/name",
    )


def installed(name: str) -> Location | None:
    """The modeling file of a model type (dashes or underscores) in the installed transformers."""
    folder = _folder_of_type(name)
    if folder is None:
        return None
    stem = name.replace("-", "_")
    files = {file.stem: file for file in sorted(folder.glob("modeling_*.py"))}
    files = {key: file for key, file in files.items() if not key.startswith(("modeling_tf_", "modeling_flax_"))}
    file = files.get(f"modeling_{stem}") or files.get(f"modeling_{folder.name}") or next(iter(files.values()), None)
    if file is None:
        raise UsageError(f"{name} has no PyTorch modeling file.", place=str(folder))
    return Location(stem, file, f"{INSTALLED_MODELS}.{folder.name}.{file.stem}")


def of_module(module_name: str) -> Location | None:
    """The modeling file of a module's name, where that is a module of the installed transformers."""
    if not module_name.startswith("transformers."):
        return None
    spec = importlib.util.find_spec(module_name)
    if spec is None or spec.origin is None:
        return None
    return Location(module_name.rpartition(".modeling_")[2], Path(spec.origin), module_name)


def _folder_of_type(name: str) -> Path | None:
    from transformers.models.auto.configuration_auto import model_type_to_module_name

    root = importlib.util.find_spec(INSTALLED_MODELS)
    for folder in (name, name.replace("-", "_"), model_type_to_module_name(name.replace("_", "-"))):
        for base in (root.submodule_search_locations or ()) if root else ():
            if folder.isidentifier() and (Path(base) / folder / "__init__.py").exists():
                return Path(base) / folder
    return None


def _local(path: Path, trust_remote_code: bool) -> Location:
    if path.is_file():
        if path.suffix != ".py" or path.name.startswith("modeling_tf_"):
            raise UsageError("This is not a Python file of PyTorch.", hint="NAME.py", place=str(path))
        return _package(path)
    files = [file for file in sorted(path.glob("modeling_*.py")) if not file.name.startswith("modeling_tf_")]
    config_file = path / "config.json"
    if config_file.exists():
        return _checkpoint(config_file, files, trust_remote_code)
    if not files:
        raise UsageError("The folder holds neither modeling_*.py nor config.json.", place=str(path))
    named_alike = [file for file in files if file.stem == f"modeling_{path.resolve().name}"]
    return _package((named_alike or files)[0])


def _checkpoint(config_file: Path, files: list[Path], trust_remote_code: bool) -> Location:
    """The modeling file that belongs to a config.json: the installed one, else the repository's own code."""
    values = _read_config(config_file)
    model_type = str(values.get("model_type", ""))
    own_code = files and "auto_map" in values
    if own_code and trust_remote_code:
        return _package(files[0], values)
    found = installed(model_type) if model_type else None
    if found is not None:
        return Location(found.name, found.file, found.module_name, values)
    if own_code:
        raise UsageError(
            "This repository brings its own code.",
            hint="--trust-remote-code, after reading it",
            place=str(config_file.parent),
        )
    beside = _model_folder(model_type)
    if beside is not None:
        return replace(_local(beside, trust_remote_code), config_values=values)
    raise UsageError(
        f"transformers has no model type {model_type!r}, and no model folder of that name is here.",
        hint=f"looked in {LOOKED_IN}",
        place=str(config_file),
    )


def _model_folder(model_type: str) -> Path | None:
    """The model folder of a type that transformers does not have, where `porter scaffold NAME` would find it."""
    folders = (Path(place) / model_type for place in SEARCHED if model_type.isidentifier())
    return next((folder for folder in folders if any(folder.glob("modeling_*.py"))), None)


def _read_config(file: Path) -> dict[str, object]:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"The configuration cannot be read: {error}.", place=str(file)) from error
    if not isinstance(values, dict):
        raise UsageError("The configuration is no JSON object.", place=str(file))
    return values


def _on_the_hub(repository: str, trust_remote_code: bool) -> Location:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    patterns = ["config.json", "*.py"] if trust_remote_code else ["config.json"]
    try:
        folder = Path(snapshot_download(repository, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"{repository} is no folder here, and the Hub does not give it: {reason}") from error
    if not (folder / "config.json").exists():
        raise UsageError(f"{repository} has no config.json.", hint="name a repository that holds a model")
    if not trust_remote_code and "auto_map" in _read_config(folder / "config.json"):
        return _checkpoint(folder / "config.json", [folder / "modeling.py"], trust_remote_code)
    return _local(folder, trust_remote_code)


def _package(file: Path, values: Mapping[str, object] | None = None) -> Location:
    """A modeling file outside the installed transformers; its folder becomes importable as a package."""
    folder = file.resolve().parent
    name = file.stem.removeprefix("modeling_")
    of_transformers = re.search(r"^from \.\.\.\w", file.read_text(encoding="utf-8"), re.MULTILINE)
    package = re.sub(r"\W", "_", folder.name)
    if of_transformers:  # `from ...activations import` needs transformers two levels up
        package = f"{INSTALLED_MODELS}.{package}"
    if importlib.util.find_spec(package.rpartition(".")[0] or "sys") and _is_taken(package, folder):
        package += "_checkout"
    _register(package, folder)
    return Location(name, folder / file.name, f"{package}.{file.stem}", values or {})


def _is_taken(package: str, folder: Path) -> bool:
    if package in sys.modules:
        return folder not in _folders(sys.modules[package])
    found = importlib.util.find_spec(package)
    return found is not None and folder not in map(Path, found.submodule_search_locations or ())


def _folders(package: ModuleType) -> Iterator[Path]:
    return (Path(place).resolve() for place in getattr(package, "__path__", ()))


def _register(package: str, folder: Path) -> None:
    """Make the folder importable as `package` without installing it. Raises UsageError where it does not import."""
    if package in sys.modules:
        return
    start = folder / "__init__.py"
    spec = importlib.util.spec_from_file_location(
        package, start if start.exists() else None, submodule_search_locations=[str(folder)]
    )
    if spec is None:
        spec = importlib.machinery.ModuleSpec(package, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
    module = importlib.util.module_from_spec(spec)
    sys.modules[package] = module
    if spec.loader is None:
        return
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[package]
        raise UsageError(f"The package cannot be imported: {error}.", place=str(start)) from error
