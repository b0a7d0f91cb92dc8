import importlib.util
import json
import os
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

import diffcheck
from diffcheck.record import storage
from diffcheck.record.recording import Module, ModuleCall, Recording, Structure
from diffcheck.record.source_text import class_ends, texts_of
from diffcheck.record.storage import Stored
from diffcheck.record.values import Flattened, TensorValue
from diffcheck.show.html import to_html
from diffcheck.show.junit import to_junit


def recording(file, path="m", name="M", shift=0.0):
    """One module's run; its class is said to be written in a file."""
    output = Flattened({"": TensorValue(np.full((2, 2), 1 + shift, np.float32), "float32")})
    calls = tuple(ModuleCall(p, name, order, 0, {}, output) for order, p in enumerate(("", path)))
    modules = tuple(Module(p, name, (), str(file), 1) for p in ("", path))
    return Stored(Recording("pytorch", calls, output), Structure("pytorch", modules, ()), {}, {})


def page_of(tmp_path, file, **how):
    storage.save(recording(file, **how), tmp_path / "a.rec")
    storage.save(recording(file, shift=1.0, **how), tmp_path / "b.rec")
    report = diffcheck.diff_recordings(storage.load(tmp_path / "a.rec"), storage.load(tmp_path / "b.rec"))
    return report, to_html(report, "title")


@pytest.mark.parametrize("name", ["token", "token.py"])
def test_a_recording_shows_no_file_that_it_only_names(tmp_path, name):
    (tmp_path / name).write_text("hf_SECRET\n")
    _, page = page_of(tmp_path, tmp_path / name)
    assert "hf_SECRET" not in page
    assert json.dumps(str(tmp_path / name)) in page


def test_neither_pipes_nor_devices_are_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    for file in (tmp_path / "pipe.py", "/dev/zero", tmp_path, "/etc/passwd", "x\0y"):
        page_of(tmp_path, file)


def test_a_recording_carries_what_was_run(tmp_path, monkeypatch):
    file = tmp_path / "carried_module.py"
    file.write_text("class M:\n    pass\n")
    spec = importlib.util.spec_from_file_location("carried_module", file)
    monkeypatch.setitem(sys.modules, "carried_module", importlib.util.module_from_spec(spec))
    storage.save(recording(file), tmp_path / "a.rec")
    monkeypatch.delitem(sys.modules, "carried_module")
    file.unlink()
    loaded = storage.load(tmp_path / "a.rec")
    assert loaded.sources == {str(file): "class M:\n    pass\n"}
    report = diffcheck.diff_recordings(loaded, replace(recording(file, shift=1.0)))
    assert "class M:" in to_html(report, "title")


def test_only_what_was_imported_is_read(tmp_path):
    assert texts_of([__file__, str(tmp_path / "x.py")], {}) == {
        __file__: texts_of([__file__], {})[__file__],
        str(tmp_path / "x.py"): "",
    }
    assert "test_only_what_was_imported" in texts_of([__file__], {})[__file__]


@pytest.mark.parametrize("text", ["def (", "\0", "(" * 10_000])
def test_text_that_is_no_python_has_no_classes(text):
    assert class_ends(text) == {}


def test_no_text_ends_the_pages_data(tmp_path):
    _, page = page_of(tmp_path, "x.py", path="<!--<script>", name="</script><script>alert(1)</script>")
    data = page.split('type="application/json"', 1)[1].split(">", 1)[1].split("</script>", 1)[0]
    assert "<" not in data
    assert json.loads(data)["modules"][1]["path"] == "<!--<script>"


def test_control_characters_leave_the_xml_well_formed(tmp_path):
    report, _ = page_of(tmp_path, "x.py", path="a\x1b\x00\ud800b", name="M\x08")
    assert ElementTree.fromstring(to_junit(report).encode("utf-8")).tag == "testsuite"


def damaged(document, path, value):
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    if value is KeyError:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("calls",), KeyError), (("calls",), 3), (("calls", 0), []), (("calls", 0, "path"), 3),
        (("calls", 0, "order"), "1"), (("calls", 0, "output"), {"": ["99", "float32"]}),
        (("structure", "modules", 0, "file"), 3), (("structure", "modules", 0, "line"), "x"),
        (("structure", "modules", 0, "more"), 3), (("structure",), None), (("inputs",), []),
        (("noise",), {"a": []}), (("framework",), None), (("crash",), "x"), (("output",), None),
    ],
)  # fmt: skip
def test_a_damaged_recording_is_refused(tmp_path, path, value):
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    file = tmp_path / "a.rec"
    storage.save(recording("x.py"), file)
    with safe_open(file, "numpy") as opened:
        metadata = opened.metadata()
    document = json.loads(metadata["document"])
    damaged(document, path, value)
    save_file(load_file(file), file, {**metadata, "document": json.dumps(document)})
    with pytest.raises(storage.NotARecording, match="is damaged"):
        storage.load(file)


@pytest.mark.parametrize(
    "metadata", [{"version": "x"}, {"version": "²"}, {}, {"document": "["}, {"document": "[" * 100_000}]
)
def test_damaged_metadata_is_refused(tmp_path, metadata):
    from safetensors.numpy import save_file

    save_file({}, tmp_path / "a.rec", {"format": storage.FORMAT, "version": "2", **metadata})
    with pytest.raises(storage.NotARecording):
        storage.load(tmp_path / "a.rec")


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "absent", "."):
        with pytest.raises(storage.NotARecording, match="There is no file"):
            storage.load(tmp_path / name)
