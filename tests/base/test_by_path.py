"""Files and folders that Python does not find by itself."""

import sys

import pytest

from porter.base.by_path import import_folder, import_of_package, import_path


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


def test_a_file_of_a_package_imports_from_beside_and_from_above(tmp_path):
    inner = tmp_path / "some_models" / "maple"
    inner.mkdir(parents=True)
    for file, text in (
        ("some_models/__init__.py", ""),
        ("some_models/shared.py", "WIDTH = 8\n"),
        ("some_models/maple/__init__.py", ""),
        ("some_models/maple/configuration_maple.py", "DEPTH = 2\n"),
        (
            "some_models/maple/modeling_tf_maple.py",
            "from ..shared import WIDTH\nfrom .configuration_maple import DEPTH\n",
        ),
    ):
        (tmp_path / file).write_text(text, encoding="utf-8")
    module = import_of_package(inner / "modeling_tf_maple.py")
    assert (module.__name__, module.WIDTH, module.DEPTH) == ("some_models.maple.modeling_tf_maple", 8, 2)


def test_the_rest_of_an_installed_package_is_the_installed_one(tmp_path):
    folder = tmp_path / "json" / "maple"
    folder.mkdir(parents=True)
    (tmp_path / "json" / "__init__.py").write_text("raise RuntimeError\n", encoding="utf-8")
    (folder / "__init__.py").write_text("", encoding="utf-8")
    (folder / "modeling_tf_maple.py").write_text("from ..decoder import JSONDecoder\n", encoding="utf-8")
    assert import_of_package(folder / "modeling_tf_maple.py").JSONDecoder.__module__ == "json.decoder"
