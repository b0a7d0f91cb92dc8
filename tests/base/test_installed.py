import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from porter.base import installed
from porter.base.errors import NotInstalled
from porter.base.installed import absent, failed_import, how_to_install, need


def test_what_is_there_is_no_error():
    need("json", "numpy")


def test_what_is_missing_is_named_with_the_command_that_installs_it():
    with pytest.raises(NotInstalled, match="no_such_package is not installed") as caught:
        need("json", "no_such_package")
    assert caught.value.hint == "pip install no_such_package"
    assert caught.value.exit_code == 3


def test_extras_of_porter_are_named():
    assert how_to_install("onnxruntime").endswith("[onnx]'")
    assert how_to_install("torch").endswith("[torch]'")


def test_a_module_that_is_missing_in_a_package_that_is_there():
    problem = ModuleNotFoundError("No module named 'numpy.nothing'", name="numpy.nothing")
    assert absent(problem) is None
    assert (
        str(failed_import(problem))
        == "numpy does not fit what is installed beside it: No module named 'numpy.nothing'."
    )


def test_modules_of_porter_are_not_the_users_to_install():
    assert failed_import(ModuleNotFoundError("No module named 'porter.x'", name="porter.x")) is None


def test_a_checkout_is_installed_from_where_it_lies(monkeypatch):
    monkeypatch.chdir(installed.CHECKOUT)
    assert how_to_install("libcst") == "pip install '.[tools]'"


def test_elsewhere_the_checkout_is_named(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert how_to_install("torch") == f"pip install '{installed.CHECKOUT}[torch]'"


def test_without_a_checkout_the_hint_names_the_distribution(monkeypatch, tmp_path):
    monkeypatch.setattr(installed, "CHECKOUT", tmp_path)
    assert how_to_install("onnxruntime") == "pip install 'porter-tf[onnx]'"


def test_the_extras_are_those_of_the_project():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["name"] == installed.DISTRIBUTION
    packages = {
        (re.match(r"[\w-]+", line)[0].replace("-", "_"), extra)
        for extra, lines in project["optional-dependencies"].items()
        for line in lines
    }
    assert set(installed.EXTRAS.items()) <= packages


def test_the_commands_say_what_they_need():
    # An environment without site-packages has nothing but Python.
    call = [sys.executable, "-S", "-m", "porter"]
    done = subprocess.run(call, cwd=installed.CHECKOUT, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert (done.returncode, done.stdout) == (3, "")
    assert "typer is not installed." in done.stderr
    assert "[tools]'" in done.stderr
