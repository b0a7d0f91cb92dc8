"""The files of a port: the modeling file, its test, and the configuration that a model outside transformers needs."""

from __future__ import annotations

import importlib.util
import os
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from porter.base.render import render
from porter.base.version import __version__
from porter.hub.trust import remember
from porter.port.carried import carried_text
from porter.port.handwork import Overwrite, is_changed, put
from porter.rewrite import Draft
from porter.rewrite.targets import Target
from porter.rewrite.text.format import shared_findings
from porter.subject import Subject
from porter.subject.inputs.arrays import numpy_inputs


def targets(subject: Subject, output: Path, target: Target | None = None) -> list[Path]:
    """The files that a port consists of: the modeling file first; then its test and its configuration files.

    A subject without cases, such as a file beside, has neither. For a tree they are the modeling file, its test and
    what it carries, in a tree's folders; without a target they are for porter's runtime.
    """
    name = subject.name.replace("-", "_")
    if target is not None and target.carried:
        package = output.joinpath("src", *subject.module_name.split(".")[:-1])
        test = output.joinpath("tests", "models", package.name, f"test_modeling_tf_{name}.py")
        return [package / f"modeling_tf_{name}.py", test, package / target.carried]
    modeling = output / f"modeling_tf_{name}.py"
    if not subject.cases:
        return [modeling]
    beside = [output / file.name for file in _configurations(subject, output)]
    return [modeling, output / f"test_modeling_tf_{name}.py", *beside]


def write(
    subject: Subject,
    draft: Draft,
    output: Path,
    overwrite: Overwrite = Overwrite.REFUSE,
    target: Target | None = None,
) -> list[Path]:
    """Write the files that a port consists of.

    Raises:
        UsageError: one of them was changed by hand and is not to be overwritten, or the port uses what the target does
            not have; nothing is written.
    """
    paths = targets(subject, output, target)
    contents = [_with_header(subject, draft.code).encode("utf-8")]
    if target is not None and target.carried:
        contents += [
            _test_in_tree(subject, paths[0]).encode("utf-8"),
            carried_text(subject, draft, target).encode("utf-8"),
        ]
    elif subject.cases:
        contents.append(_test_of(subject, paths[0]).encode("utf-8"))
        contents += [file.read_bytes() for file in _configurations(subject, output)]
    put(dict(zip(paths, contents, strict=True)), overwrite)
    remember(path for path in paths if not is_changed(path))
    return paths


def _test_of(subject: Subject, modeling: Path) -> str:
    """The test's text; a file of the user's is found by its path, a model of transformers by its module."""
    common = {"modeling_file": modeling.name, "version": __version__, "cases": subject.cases}
    path = Path(os.path.relpath(subject.file, modeling.parent.resolve())).as_posix()
    if subject.cases and all(case.arguments is not None for case in subject.cases):
        return render("test_modeling_tf_module.py.j2", torch_file=path, **common)
    module_name, torch_file = (subject.module_name, None) if _installed(subject) else (None, path)
    return render("test_modeling_tf.py.j2", module_name=module_name, torch_file=torch_file, **common)


def _installed(subject: Subject) -> bool:
    """Whether the file is of the installed transformers: one of a checkout is imported under such a name too."""
    home = importlib.util.find_spec("transformers")
    return home is not None and home.origin is not None and Path(home.origin).parent in subject.file.parents


def _test_in_tree(subject: Subject, modeling: Path) -> str:
    """The test's text for a tree: it needs nothing of porter."""
    package, _, module = subject.module_name.rpartition(".")
    cases: list[dict[str, Any]] = []
    runs = [(case, model) for case in subject.cases for model in case.models]
    for case, model in runs:
        inputs = numpy_inputs(case.inputs_of(model)).items()
        arrays = {name: value.tolist() for name, value in inputs if isinstance(value, np.ndarray)}
        run = {"config": dict(case.config), "inputs": arrays}
        if not cases or {key: cases[-1][key] for key in run} != run:
            cases.append({**run, "models": []})
        cases[-1]["models"].append(model.name)
    name = f"TF{package.rpartition('.')[2].title().replace('_', '')}ModelTest"
    return render("test_modeling_tf_in_tree.py.j2", modeling_file=modeling.name, version=__version__, cases=cases,
                  package=package, tf_module=modeling.stem, torch_module=module, class_name=name)  # fmt: skip


def _configurations(subject: Subject, output: Path) -> list[Path]:
    """The configuration files that a model outside transformers names, unless the port is written beside them."""
    folder = subject.file.parent
    if subject.module_name.startswith("transformers.") or folder.resolve() == output.resolve():
        return []
    beside = {file.stem: file for file in folder.glob("configuration_*.py")}
    texts = [subject.source, *(case.config_module for case in subject.cases)]
    named: set[str] = set()
    while texts:
        found = {stem for stem in beside if re.search(rf"\b{re.escape(stem)}\b", texts[-1])} - named
        named |= found
        texts = [*texts[:-1], *(beside[stem].read_text(encoding="utf-8") for stem in found)]
    return sorted(beside[stem] for stem in named)


# What stands on top of files that transformers generates: nobody generates the port from there.
_OF_A_GENERATOR = re.compile(r"\A(# *🚨+\n)(#.*\n)*?\1")


def _with_header(subject: Subject, code: str) -> str:
    """The licence of the original stays on top; below it stands who wrote the file from what."""
    lines = _OF_A_GENERATOR.sub("", code, count=1).splitlines(keepends=True)
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
