import io
import pickle
import zipfile

import pytest
import torch

from diffcheck.exported import NotAnExport, NotTrusted, open_export
from diffcheck.exported.archive_code import more_than_computing


class Evil:
    def __reduce__(self):
        return open, ("RAN", "w")


@pytest.fixture
def program(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.GELU())
    shapes = ({0: torch.export.Dim("b", min=2, max=64)},)
    torch.export.save(torch.export.export(model, (torch.ones(2, 4),), dynamic_shapes=shapes), tmp_path / "m.pt2")
    return tmp_path / "m.pt2"


def rewritten(path, change):
    """The archive with members changed: (name, content) to another content; None for one that is left out."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in change(members).items():
            archive.writestr(name, content)
    return path


def pickled():
    buffer = io.BytesIO()
    torch.save({"x": Evil()}, buffer)
    return buffer.getvalue()


def replaced(end, old, new):
    def change(members):
        name = next(name for name in members if name.endswith(end))
        assert old is None or old in members[name]
        return {**members, name: new if old is None else members[name].replace(old, new, 1)}

    return change


LINEAR, GELU = b"torch.ops.aten.linear.default", b"torch.ops.aten.gelu.default"
EXPRESSION = b"\"__import__('os').system('touch RAN') or Symbol('s"
WEIGHTS = "model_weights_config.json"
CHANGES = {
    "sample inputs": (replaced("sample_inputs/model.pt", None, pickled()), "pickled object"),
    "no pickle": (replaced("sample_inputs/model.pt", None, b"R"), "pickled object"),
    "weights": (replaced(WEIGHTS, b'"use_pickle": false', b'"use_pickle": true'), "pickled object"),
    "target": (replaced("model.json", LINEAR, b"torch.ops.evil.linear.default"), "the call of"),
    "file": (replaced("model.json", GELU, b"torch.ops.aten.from_file.default"), "the call of"),
    "expression": (replaced("model.json", b"\"Symbol('s", EXPRESSION), "the expression"),
    "object": (lambda members: {**members, "m/data/constants/custom_obj_0": pickle.dumps(Evil())}, "custom_obj_0"),
    "library": (lambda members: {**members, "m/data/aotinductor/model/a.so": b"\x7fELF"}, "the library a.so"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_program_that_does_more_is_refused_before_it_is_loaded(program, monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    change, told = CHANGES[name]
    rewritten(program, change)
    assert any(told in found for found in more_than_computing(program))
    with pytest.raises(NotTrusted, match="does more than compute"):
        open_export(program)
    assert not (tmp_path / "RAN").exists()


def test_archives_that_only_compute_are_loaded(program, tmp_path):
    assert more_than_computing(program) == []
    open_export(program)
    torch.jit.save(torch.jit.script(torch.nn.Linear(4, 3)), str(tmp_path / "m.pt"))
    assert more_than_computing(tmp_path / "m.pt") == []
    open_export(tmp_path / "m.pt")


def test_a_script_that_reads_files_is_refused(tmp_path):
    class Reads(torch.nn.Module):
        def forward(self, x):
            return x + torch.from_file("/etc/hostname", False, 1, dtype=torch.float32)

    torch.jit.save(torch.jit.script(Reads()), str(tmp_path / "m.pt"))
    with pytest.raises(NotTrusted, match=r"torch\.from_file"):
        open_export(tmp_path / "m.pt")


def test_a_damaged_archive_is_refused(program):
    rewritten(program, lambda members: {**members, "m/models/model.json": b"["})
    with pytest.raises(NotAnExport, match="damaged"):
        open_export(program)
