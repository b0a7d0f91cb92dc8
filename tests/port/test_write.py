"""The files of a port: which they are, and that none of them is written over a user's work."""

from dataclasses import replace
from pathlib import Path

import pytest

from porter.base.errors import UsageError
from porter.port.chain import _conflicts
from porter.port.handwork import Overwrite
from porter.port.write import targets, write
from porter.rewrite import Draft
from porter.subject import Case, Subject


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / "configuration_x.py").write_text("class XConfig: ...\n")
    file = folder / "modeling_x.py"
    file.write_text("# Licence\nclass X: ...\n")
    return Subject(
        "x", file, file.read_text(), "x.modeling_x", (Case("x", "x.configuration_x", "XConfig", {}, (), ()),), {}
    )


def draft(code: str) -> Draft:
    return Draft(code, (), {}, ())


def test_a_port_is_its_modeling_file_its_test_and_the_configuration(subject: Subject, tmp_path: Path) -> None:
    written = write(subject, draft("class TFX: ...\n"), tmp_path / "ports")
    assert written == targets(subject, tmp_path / "ports")
    names = ["modeling_tf_x.py", "test_modeling_tf_x.py", "configuration_x.py"]
    assert [file.name for file in written] == names
    assert written[2].read_text() == "class XConfig: ...\n"


def test_configurations_that_nothing_names_stay_where_they_are(subject: Subject, tmp_path: Path) -> None:
    folder = subject.file.parent
    (folder / "configuration_x.py").write_text("from .configuration_part import PartConfig\n")
    for name in ("configuration_part.py", "configuration_other.py"):
        (folder / name).write_text("class PartConfig: ...\n")
    written = write(subject, draft("class TFX: ...\n"), tmp_path / "ports")
    assert [file.name for file in written[2:]] == ["configuration_part.py", "configuration_x.py"]


@pytest.mark.parametrize("name", ["modeling_tf_x.py", "test_modeling_tf_x.py", "configuration_x.py"])
def test_each_of_them_is_protected(subject: Subject, tmp_path: Path, name: str) -> None:
    write(subject, draft("class TFX: ...\n"), tmp_path / "ports")
    changed = tmp_path / "ports" / name
    changed.write_text(changed.read_text() + "mine = 1\n")
    with pytest.raises(UsageError, match="changed by hand: 1 line added") as refused:
        write(subject, draft("class TFX: 2\n"), tmp_path / "ports")
    assert refused.value.place == str(changed)
    assert changed.read_text().endswith("mine = 1\n")
    assert "class TFX: 2" not in (tmp_path / "ports" / "modeling_tf_x.py").read_text()


def test_a_merge_that_conflicts_is_noted_with_its_line(subject: Subject, tmp_path: Path) -> None:
    written = write(subject, draft("a = 1\n"), tmp_path / "ports")
    assert _conflicts(written) == []
    written[0].write_text(written[0].read_text().replace("a = 1", "a = 'mine'"))
    written = write(subject, draft("a = 2\n"), tmp_path / "ports", Overwrite.MERGE)
    notes = _conflicts(written)
    lines = written[0].read_text().splitlines()
    assert [(note.level, note.file, lines[note.line - 1][:7]) for note in notes] == [
        ("left", "modeling_tf_x.py", "<<<<<<<")
    ]
    assert {"a = 'mine'", "a = 2"} <= set(lines)


def test_a_port_beside_the_original_leaves_the_configuration_alone(subject: Subject) -> None:
    assert [file.name for file in targets(subject, subject.file.parent)] == [
        "modeling_tf_x.py",
        "test_modeling_tf_x.py",
    ]


def test_a_file_beside_has_no_test_of_its_own(subject: Subject, tmp_path: Path) -> None:
    written = write(replace(subject, cases=()), draft("class TFX: ...\n"), tmp_path / "ports")
    assert [file.name for file in written] == ["modeling_tf_x.py"]


def test_what_generated_the_pytorch_file_is_not_said_of_the_port(subject: Subject, tmp_path: Path) -> None:
    notice = "#   🚨🚨🚨\n#  This file was automatically generated.\n#   🚨🚨🚨\n"
    modeling = write(subject, draft(f"{notice}# Licence\nclass TFX: ...\n"), tmp_path / "ports")[0]
    assert modeling.read_text().startswith("# Licence\n#\n# Written by porter")
