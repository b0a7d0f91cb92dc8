"""Files and folders that Python does not find by itself."""

import sys

import pytest

from porter.base.by_path import import_folder, import_path


@pytest.fixture(autouse=True)
def modules(monkeypatch):
    monkeypatch.setattr(sys, "modules", dict(sys.modules))


def test_a_file_is_known_by_its_name_while_it_runs(tmp_path):
    file = tmp_path / "known.py"
    file.write_text("import sys\nITSELF = sys.modules[__name__]\n")
    module = import_path("called_so", file)
    assert module.ITSELF is module is sys.modules["called_so"]
    assert import_path("called_so", file) is not module


def test_what_fails_leaves_what_was_there(tmp_path):
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text("")
    wrong.write_text("1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        import_path("part", wrong)
    assert "part" not in sys.modules
    former = import_path("part", right)
    with pytest.raises(ZeroDivisionError):
        import_path("part", wrong)
    assert sys.modules["part"] is former


@pytest.mark.parametrize("name", ["missing.py", "notes.txt"])
def test_what_is_not_a_python_file_is_refused(tmp_path, name):
    (tmp_path / "notes.txt").write_text("x = 1")
    with pytest.raises(ImportError, match=f"{name} is not a Python file"):
        import_path("part", tmp_path / name)


@pytest.mark.parametrize("start", [None, "SIZE = 4\n"])
def test_a_folder_is_a_package(tmp_path, start):
    folder = tmp_path / "some model"
    folder.mkdir()
    (folder / "part.py").write_text("from . import __name__ as above\n")
    if start is not None:
        (folder / "__init__.py").write_text(start)
    package = import_folder("some_model_here", folder)
    assert getattr(package, "SIZE", None) == (4 if start else None)
    assert __import__("some_model_here.part").part.above == "some_model_here"
