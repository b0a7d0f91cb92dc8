"""Finds the modeling file that a name means: model type, modeling file, folder, checkpoint or Hub repository."""

from __future__ import annotations

import functools
import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

from porter.base.by_path import import_folder
from porter.base.errors import UsageError
from porter.base.reading import read_text
from porter.base.suggest import meant
from porter.hub.client.pull_request import Patience, patiently
from porter.hub.configuration import read_config
from porter.hub.trust import FLAG, Untrusted, check_code, holds_weights
from porter.runtime.stored.transfers import HubError

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


def locate(name: str, trust_remote_code: bool = False, named: str | None = None) -> Location:
    """The modeling file that `name` means.

    Args:
        name: model type, modeling file, folder or Hub repository, as the user typed it.
        trust_remote_code: whether code that lies in a model's folder or repository may be imported.
        named: another name that the user typed; a model folder of that name may be what a configuration needs.

    Raises:
        UsageError: nothing is there, saying where it was looked for, or its code is not trusted.
    """
    if "/" not in name and not name.endswith(".py"):
        found = installed(name)
        if found is not None:
            return found
    path = Path(name).expanduser()
    for candidate in (path, *(Path(folder) / name for folder in SEARCHED)):
        if candidate.exists():
            return _local(candidate, trust_remote_code, named)
    if re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", name):
        return _on_the_hub(name, trust_remote_code)
    raise unknown_name(name)


def unknown_name(name: str) -> UsageError:
    """The error for a name that means no model, with the closest one."""
    sentence = f"{name!r} is neither a model type of the installed transformers nor a folder or file."
    return UsageError(sentence, hint=_meant(name))


def _meant(name: str) -> str:
    """What to give instead: the closest model type or folder, and where a name is looked for."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    folders = [path.name for place in SEARCHED for path in Path(place).glob("*") if any(path.glob("modeling_*.py"))]
    where = f"looked in {LOOKED_IN}; a Hub repository is written owner/name"
    near = meant(name, [*CONFIG_MAPPING_NAMES, *folders])
    return f"did you mean {near}? {where}" if near else where


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
    if not re.fullmatch(r"transformers(\.\w+)+", module_name):
        return None
    try:
        spec = importlib.util.find_spec(module_name)
    except ModuleNotFoundError:
        return None
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
    return _folder_of_part(name, [Path(base) for base in (root.submodule_search_locations or ())] if root else [])


def _folder_of_part(name: str, bases: list[Path]) -> Path | None:
    """The family with a part of this type, as the text model inside another: its configuration declares the type."""
    declared = re.compile(rf"""^    model_type(: \w+)? = ["']{re.escape(name)}["']$""", re.MULTILINE)
    files = (file for base in bases for file in sorted(base.glob("*/configuration_*.py")))
    return next((file.parent for file in files if declared.search(file.read_text(encoding="utf-8"))), None)


def _local(path: Path, trusted: bool, named: str | None) -> Location:
    """What the user typed: a Python file, a folder of code, or a model's folder, whose code has to be trusted."""
    folder = path.resolve()
    if folder.is_file():
        if path.suffix != ".py" or path.name.startswith("modeling_tf_"):
            raise UsageError("This is not a Python file of PyTorch.", hint="NAME.py", place=str(path))
        _let_import_beside(folder.parent)
        return _package(folder)
    files = [file for file in sorted(folder.glob("modeling_*.py")) if not file.name.startswith("modeling_tf_")]
    if (folder / "config.json").exists():
        return _checkpoint(folder, files, trusted, named)
    if not files:
        raise UsageError("The folder holds neither modeling_*.py nor config.json.", place=str(path))
    if holds_weights(folder):
        check_code(folder, sorted(folder.glob("*.py")), trusted)
    named_alike = [file for file in files if file.stem == f"modeling_{folder.name}"]
    return _package((named_alike or files)[0])


def _let_import_beside(folder: Path) -> None:
    """Let a file that the user named import those beside it by their bare names, as when Python runs it.

    What is installed comes first.
    """
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _checkpoint(folder: Path, files: list[Path], trusted: bool, named: str | None) -> Location:
    """The modeling file that belongs to a config.json: the installed one, else the repository's own code."""
    values = read_config(folder)
    kind = str(values.get("model_type", ""))
    own = [file for file in files if file.stem == f"modeling_{kind}"] or files
    if own and trusted and "auto_map" in values:
        return _package(own[0], values)
    found = installed(kind) if kind else None
    if found is not None:
        return Location(found.name, found.file, found.module_name, values)
    if own:
        check_code(folder, sorted(folder.glob("*.py")), trusted)
        return _package(own[0], values)
    if "auto_map" in values:
        raise Untrusted("This repository brings its own code.", hint=f"{FLAG}, after reading it", place=str(folder))
    return replace(_package(_code_elsewhere(folder, kind, trusted, named)), config_values=values)


def _code_elsewhere(folder: Path, kind: str, trusted: bool, named: str | None) -> Path:
    """The modeling file of a type that neither transformers nor the model's folder has.

    A name that only stands in a file chooses no code: it is looked for where the user typed it too, or trusts it.
    """
    places = ((Path(place, kind).resolve(), folder / place / kind) for place in SEARCHED if kind.isidentifier())
    files = [place / f"modeling_{kind}.py" for pair in places for place in pair]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        raise UsageError(
            f"transformers has no model type {kind!r}, and no model folder of that name is here.",
            hint=f"looked in {LOOKED_IN}",
            place=str(folder / "config.json"),
        )
    if file.is_relative_to(folder):
        check_code(folder, [file], trusted)
    elif not trusted and named != kind:
        raise Untrusted(
            f"transformers has no model type {kind!r}; {file} holds code for one of that name.",
            hint=f"{FLAG} runs it, and so does --tf modeling_tf_{kind}.py, which names it",
            place=str(folder / "config.json"),
        )
    return file


def _on_the_hub(repository: str, trusted: bool) -> Location:
    from huggingface_hub import snapshot_download

    patterns = ["config.json", "*.py"] if trusted else ["config.json"]
    download = functools.partial(snapshot_download, repository, allow_patterns=patterns)
    try:
        folder = Path(patiently(download, repository, Patience(attempts=1)))
    except HubError as error:
        raise UsageError(f"{repository} is not a folder here, and the Hub does not give it: {error}") from error
    if not (folder / "config.json").exists():
        raise UsageError(f"{repository} has no config.json.", hint="name a repository that holds a model")
    return _local(folder, trusted, None)


def _package(file: Path, values: Mapping[str, object] | None = None) -> Location:
    """A modeling file outside the installed transformers; its folder becomes importable as a package."""
    if not file.stem.isidentifier():
        hint = "rename it to letters, digits and underscores"
        raise UsageError("Python cannot import a file of this name.", hint=hint, place=str(file))
    folder = file.resolve().parent
    name = file.stem.removeprefix("modeling_")
    of_transformers = re.search(r"^from \.\.\.\w", read_text(file), re.MULTILINE)
    above = [] if of_transformers else _packages_above(folder)
    outermost = above[0] if above else folder
    package = re.sub(r"\W", "_", outermost.name)
    if of_transformers:  # `from ...activations import` needs transformers two levels up
        package = f"{INSTALLED_MODELS}.{package}"
    if importlib.util.find_spec(package.rpartition(".")[0] or "sys") and _is_taken(package, outermost):
        package += "_checkout"
    for each in (*above, folder):
        package = package if each == outermost else f"{package}.{each.name}"
        _register(package, each)
    return Location(name, folder / file.name, f"{package}.{file.stem}", values or {})


def _packages_above(folder: Path) -> list[Path]:
    """The packages that a folder lies in, the outermost first: a file may import from all of them."""
    found: list[Path] = []
    while (folder / "__init__.py").exists() and (folder.parent / "__init__.py").exists():
        folder = folder.parent
        found.insert(0, folder)
    return found


def _is_taken(package: str, folder: Path) -> bool:
    if package in sys.modules:
        return folder not in _folders(sys.modules[package])
    found = importlib.util.find_spec(package)
    return found is not None and folder not in map(Path, found.submodule_search_locations or ())


def _folders(package: ModuleType) -> Iterator[Path]:
    return (Path(place).resolve() for place in getattr(package, "__path__", ()))


def _register(package: str, folder: Path) -> None:
    """Make the folder importable as `package` without installing it.

    Where its `__init__.py` fails, such as for what is not installed, the package is there without what that defines:
    the file may need none of it.
    """
    if package in sys.modules:
        return
    before = set(sys.modules)
    try:
        import_folder(package, folder)
    except Exception:  # noqa: BLE001 - code of the user's, which may raise anything
        for name in set(sys.modules) - before:
            if name.startswith(f"{package}."):
                del sys.modules[name]
        import_folder(package, folder, run=False)
