import json
import os

import numpy as np
import pytest

import diffcheck
from diffcheck.record import storage


def test_a_recording_survives_its_file(twins, tmp_path):
    stored = diffcheck.record_torch(twins.torch, twins.inputs)
    storage.save(stored, tmp_path / "a.rec")
    loaded = storage.load(tmp_path / "a.rec")
    assert loaded.structure == stored.structure
    assert loaded.noise == stored.noise
    assert [(c.path, c.order, c.number) for c in loaded.recording.calls] == [
        (c.path, c.order, c.number) for c in stored.recording.calls
    ]
    for mine, theirs in zip(loaded.recording.calls, stored.recording.calls, strict=True):
        assert diffcheck.compare_flat(mine.output, theirs.output, tolerance=0.0).matches
    assert sorted(tmp_path.iterdir()) == [tmp_path / "a.rec"]


def test_two_files_compare_without_the_models(twins, tmp_path):
    twins.tf.tiny.encoder.layer[1].intermediate.approximate = True
    storage.save(diffcheck.record_torch(twins.torch, twins.inputs), tmp_path / "a.rec")
    storage.save(diffcheck.record_tensorflow(twins.tf, twins.inputs), tmp_path / "b.rec")
    report = diffcheck.diff_recordings(storage.load(tmp_path / "a.rec"), storage.load(tmp_path / "b.rec"))
    assert not report.matches
    assert report.origin.path == "encoder.layer.1.intermediate"
    assert json.dumps(report.to_json())


def test_equal_runs_match_and_other_inputs_are_told(twins):
    stored = diffcheck.record_torch(twins.torch, twins.inputs)
    assert diffcheck.diff_recordings(stored, diffcheck.record_tensorflow(twins.tf, twins.inputs)).matches
    inputs = {**twins.inputs, "input_ids": twins.inputs["input_ids"][:, ::-1].copy()}
    report = diffcheck.diff_recordings(stored, diffcheck.record_tensorflow(twins.tf, inputs))
    assert not report.matches
    assert report.notes[0].startswith("the runs had other inputs: input_ids differs")


def test_other_files_are_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(2)}, tmp_path / "weights.safetensors")
    (tmp_path / "text").write_text("no tensors")
    for name in ("weights.safetensors", "text"):
        with pytest.raises(storage.NotARecording, match="is not a recording"):
            storage.load(tmp_path / name)


@pytest.mark.parametrize("odd", [None, 0.5, [], {}, [[]], "x", True, -(10**30)], ids=repr)
def test_a_field_of_another_type_is_refused(twins, tmp_path, odd):
    """Whatever stands in one field, the file is damaged or read as it is; nothing later stumbles over it."""
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    storage.save(diffcheck.record_torch(twins.torch, twins.inputs), tmp_path / "good.rec")
    arrays = load_file(tmp_path / "good.rec")
    with safe_open(tmp_path / "good.rec", "numpy") as file:
        metadata = file.metadata()
    good = storage.load(tmp_path / "good.rec")
    for place in (
        ("structure", "modules", 0, "parameters", 0), ("structure", "modules", 1, "path"),
        ("structure", "parameters", 0, "shape", 0), ("structure", "parameters", 0, "fingerprint"),
        ("structure", "parameters", 0, "constant"), ("calls", 0, "order"), ("calls", 0, "path"),
        ("calls", 0, "output", "value", 1), ("crash",), ("noise", "logits"),
    ):  # fmt: skip
        document = json.loads(metadata["document"])
        holder = document
        for step in place[:-1]:
            holder = holder[step] if not isinstance(holder, dict) or step in holder else next(iter(holder.values()))
        holder[place[-1]] = odd
        save_file(arrays, tmp_path / "odd.rec", {**metadata, "document": json.dumps(document)})
        try:
            loaded = storage.load(tmp_path / "odd.rec")
        except storage.NotARecording as error:
            assert "damaged" in str(error)  # noqa: PT017 - either is right
        else:
            assert json.dumps(diffcheck.diff_recordings(good, loaded).to_json())


def test_a_pipe_or_a_device_is_not_replaced_by_a_file(twins, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileExistsError, match="not a regular file"):
        storage.save(diffcheck.record_torch(twins.torch, twins.inputs), tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_full_disk_is_the_systems_own_error(twins, tmp_path):
    import errno
    import resource
    import signal

    stored = diffcheck.record_torch(twins.torch, twins.inputs)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            storage.save(stored, tmp_path / "a.rec")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(tmp_path / "a.rec"))
    assert list(tmp_path.iterdir()) == []
