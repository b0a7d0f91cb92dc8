"""The files of a port: the modeling file, its test, and the configuration that a model outside transformers needs."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from porter import __version__
from porter.base.render import render
from porter.port.handwork import Overwrite, put
from porter.rewrite import Draft
from porter.rewrite.text.format import shared_findings
from porter.subject import Subject


def targets(subject: Subject, output: Path) -> list[Path]:
    """The files that a port consists of: the modeling file first, its test, and the configuration files beside."""
    name = subject.name.replace("-", "_")
    beside = [output / file.name for file in _configurations(subject, output)]
    return [output / f"modeling_tf_{name}.py", output / f"test_modeling_tf_{name}.py", *beside]


def write(subject: Subject, draft: Draft, output: Path, overwrite: Overwrite = Overwrite.REFUSE) -> list[Path]:
    """Write the modeling file, its test, and the configuration file that a model outside transformers needs.

    Raises:
        UsageError: one of them was changed by hand and is not to be overwritten; nothing is written.
    """
    modeling, test, *beside = targets(subject, output)
    text = render(
        "test_modeling_tf.py.j2",
        modeling_file=modeling.name,
        module_name=subject.module_name,
        version=__version__,
        cases=subject.cases,
    )
    configurations = [file.read_bytes() for file in _configurations(subject, output)]
    contents = [_with_header(subject, draft.code).encode("utf-8"), text.encode("utf-8"), *configurations]
    put(dict(zip([modeling, test, *beside], contents, strict=True)), overwrite)
    return [modeling, test, *beside]


def _configurations(subject: Subject, output: Path) -> list[Path]:
    """The configuration files of a model outside transformers, unless the port is written beside them."""
    folder = subject.file.parent
    if subject.module_name.startswith("transformers.") or folder.resolve() == output.resolve():
        return []
    return sorted(folder.glob("configuration_*.py"))


def _with_header(subject: Subject, code: str) -> str:
    """The licence of the original stays on top; below it stands who wrote the file from what."""
    lines = code.splitlines(keepends=True)
    count = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    of_transformers = subject.module_name.startswith("transformers.")
    header = render(
        "file_header.py.j2",
        licence="".join(lines[:count]).rstrip("\n"),
        version=__version__,
        source_name=subject.file.name,
        framework=f"transformers {version('transformers')}" if of_transformers else None,
        style=", ".join(shared_findings(code, subject.source)),
    )
    return header.rstrip("\n") + "\n" + "".join(lines[count:])
