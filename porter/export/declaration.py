"""How a format of export is declared, and where the declarations are found."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from porter.base.errors import UsageError
from porter.base.suggest import did_you_mean
from porter.export.feature import Feature
from porter.export.loaded_model import Loaded
from porter.export.samples import Given, Samples
from porter.subject.inputs.trials import Trial

if TYPE_CHECKING:
    from diffcheck.exported import Graph

DECLARATIONS = "porter.export.formats"
Kind = Literal["exact", "optimized", "quantized"]


@dataclass(frozen=True)
class Request:
    """What the user asked for; each as the option of its name.

    Attributes:
        format: of :data:`Format.name`.
        model: folder or Hub repository with PyTorch weights.
        output: the folder to be made.
        feature: what the file is for; None: what config.json's class computes.
        atol: allowed difference, times max(1, max|PyTorch|).
        given: what the user says of the inputs.
        keep: whether a file that differs from PyTorch stays.
        max_memory: as `8GB`; None: all there is.
        options: further options that only some formats take, those only that were given.
    """

    format: str
    model: str
    output: Path
    feature: str | None = None
    atol: float = 1e-5
    given: Given = field(default_factory=Given)
    keep: bool = False
    trust_remote_code: bool = False
    max_memory: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One export: the loaded model, its inputs, and the folder to write into.

    Attributes:
        source: the folder of the checkpoint; None where a model was handed over.
        loaded: the PyTorch model.
        folder: an empty folder, which becomes the output.
    """

    request: Request
    source: Path | None
    feature: Feature
    loaded: Loaded
    samples: Samples
    folder: Path

    @property
    def torch(self) -> Any:
        """The PyTorch model in eval mode."""
        return self.loaded.torch

    def option(self, name: str, default: Any = None) -> Any:
        """What the user gave for an option of this format."""
        return self.request.options.get(name, default)


@dataclass(frozen=True)
class Piece:
    """One file or folder that was written, and what it is to be compared with.

    Attributes:
        file: what was written.
        torch: the PyTorch module that computes the same from the trials' inputs.
        trials: inputs in several sizes.
        kind: whether it must equal PyTorch (`exact`, `optimized`), or loses precision on purpose (`quantized`).
        notes: what the user should know of it.
        required: names of the trials that must match, where a file may be bound to one size; None: all.
        open: opens it as a graph to be run; None where diffcheck knows how.
        rename: how the file calls PyTorch's inputs and outputs, where it does otherwise than PyTorch; see
            :data:`porter.export.parts.Rename`.
        part: which part of a model with keys and values it is; empty for the whole model.
        signature: which of a SavedModel's signatures is meant; empty for files that have one.
        caches: whether PyTorch gives keys and values back.
        own: whether porter wrote it just now, so that what it does beside computing is trusted.
        facts: what else export.json says of it.
    """

    file: Path
    torch: Any = field(repr=False)
    trials: Sequence[Trial] = field(repr=False)
    kind: Kind = "exact"
    notes: tuple[str, ...] = ()
    required: frozenset[str] | None = None
    open: Callable[[Path], Graph] | None = None
    rename: Callable[[str, str], str | None] | None = None
    part: str = ""
    signature: str = ""
    caches: bool = False
    own: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The name of the file, and of the signature where it is not the first."""
        return f"{self.file.name}:{self.signature}" if self.signature else self.file.name


@dataclass(frozen=True)
class Format:
    """A format: how it is called, what it needs, which options it takes, and the function that writes it.

    Attributes:
        name: on the command line.
        about: one line for the help.
        packages: the modules that must be there.
        options: the options beyond those that every format has.
        export: writes into the job's folder and says what it wrote.
        copies: how many times the weights are in memory at once.
        largest: bytes of weights that the format holds; None for any number.
        example: Python that loads and calls the file, of its path and what export.json says of it.
        check: refuses options whose values cannot be, before anything is loaded.
    """

    name: str
    about: str
    packages: tuple[str, ...]
    options: frozenset[str]
    export: Callable[[Job], list[Piece]]
    copies: float
    largest: int | None = None
    example: Callable[[Path, Mapping[str, Any]], Iterator[str]] | None = None
    check: Callable[[Request], None] | None = None


@functools.cache
def all_formats() -> Mapping[str, Format]:
    """Every declaration of `porter/export/formats/` by name."""
    package = importlib.import_module(DECLARATIONS)
    found = (
        importlib.import_module(f"{DECLARATIONS}.{module.name}").FORMAT
        for module in pkgutil.iter_modules(package.__path__)
    )
    return {declared.name: declared for declared in sorted(found, key=lambda declared: declared.name)}


def format_named(name: str) -> Format:
    """The format that the user names.

    Raises:
        UsageError: there is no such format.
    """
    if name not in all_formats():
        every = f"there are {', '.join(all_formats())}"
        raise UsageError(f"There is no format {name}.", hint=did_you_mean(name, all_formats(), every))
    return all_formats()[name]
