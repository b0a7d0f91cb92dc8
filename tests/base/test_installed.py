import pytest

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
