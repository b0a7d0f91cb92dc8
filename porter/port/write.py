"""The files of a port: the modeling file, its test, and the configuration that a model outside transformers needs."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

from porter import __version__
from porter.base import files
from porter.base.render import render
from porter.rewrite import Draft
from porter.rewrite.text.format import shared_findings
from porter.subject import Subject


def write(subject: Subject, draft: Draft, output: Path) -> list[Path]:
    """Write the modeling file, its test, and the configuration file that a model outside transformers needs."""
    name = subject.name.replace("-", "_")
    modeling, test = output / f"modeling_tf_{name}.py", output / f"test_modeling_tf_{name}.py"
    files.write_text(modeling, _with_header(subject, draft.code))
    text = render(
        "test_modeling_tf.py.j2",
        modeling_file=modeling.name,
        module_name=subject.module_name,
        version=__version__,
        cases=subject.cases,
    )
    files.write_text(test, text)
    written = [modeling, test]
    if not subject.module_name.startswith("transformers."):
        for file in sorted(subject.file.parent.glob("configuration_*.py")):
            if file.parent.resolve() != output.resolve():
                shutil.copyfile(file, output / file.name)
                written.append(output / file.name)
    return written


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
