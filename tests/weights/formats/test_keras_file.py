import json
import zipfile

import pytest

from porter.base.errors import UsageError
from porter.weights.formats.keras_file import load, modules_named


def keras_file(path, layer):
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": [layer]}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", "{}")
    return path


def test_a_file_names_no_module_to_be_imported(tmp_path):
    inner = {"module": "evil", "class_name": "Layer", "config": {}, "registered_name": None}
    path = keras_file(tmp_path / "m.keras", inner)
    assert modules_named(path) == {"evil"}
    with pytest.raises(UsageError, match="names the module evil"):
        load(path, dict)


def test_what_keras_refuses_is_one_sentence(tmp_path):
    code = {"class_name": "__lambda__", "config": {"value": "4wEAAAA="}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "config": {"function": code}, "registered_name": None}
    path = keras_file(
        tmp_path / "m.keras", {"module": "keras", "class_name": "Sequential", "config": {"layers": [layer]}}
    )
    with pytest.raises(UsageError, match="Keras does not load"):
        load(path, dict)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"x" * 100])
def test_a_damaged_file(tmp_path, content):
    (tmp_path / "m.keras").write_bytes(content)
    with pytest.raises(UsageError, match=r"not a \.keras file"):
        load(tmp_path / "m.keras", dict)
