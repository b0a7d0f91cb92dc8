"""`--resume` takes up nothing but what the same command on the same weights has written."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from typer.testing import CliRunner

from porter.base.errors import UsageError
from porter.cli import app
from porter.hub.trust import remember
from porter.weights.earlier_run import WORDS, check_request
from porter.weights.report.conversion_report import hashes

PORT = Path(__file__).parents[1] / "runtime" / "modeling_tf_small_bert.py"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    import transformers

    from porter.subject.strong_weights import strengthen

    config = transformers.BertConfig(
        vocab_size=100, hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    model = transformers.BertModel(config)
    strengthen(model)
    folder = tmp_path_factory.mktemp("source")
    model.save_pretrained(folder)
    return folder


def convert(source, output, *options):
    command = ["pt-to-tf", "--model-name", str(source), "--no-pr", "--output", str(output), "--tf", str(PORT)]
    return CliRunner().invoke(app, [*command, *options])


@pytest.fixture(scope="module")
def converted(source, tmp_path_factory):
    output = tmp_path_factory.mktemp("converted") / "out"
    done = convert(source, output, "--max-shard-size", "20kB")
    assert done.exit_code == 0, done.output
    return output


@pytest.fixture
def output(converted, tmp_path):
    return shutil.copytree(converted, tmp_path / "out")


def resume(source, output, *options):
    return convert(source, output, "--max-shard-size", "20kB", "--resume", *options)


def forge(output, **fields):
    """Another report, as if porter had written it."""
    report = {**json.loads((output / "pt_to_tf.json").read_text()), **fields}
    (output / "pt_to_tf.json").write_text(json.dumps(report))
    remember([output / "pt_to_tf.json"])


def edit(output, name, content):
    """Another content, its hash put into the report."""
    (output / name).write_bytes(content)
    forge(output, files=hashes(output))


def test_the_same_command_goes_on(source, output):
    done = resume(source, output, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["request"]["source"] == str(source)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--format", "safetensors"), "--format"),
        (("--dtype", "float16"), "--dtype"),
        (("--max-shard-size", "5GB"), "--max-shard-size"),
        (("--seed", "3"), "--seed"),
        (("--max-error", "1"), "--max-error"),
        (("--revision", "main"), "--revision"),
        (("--override-model-class", "BertForMaskedLM"), "--override-model-class"),
        (("--no-code",), "--with-code"),
    ],
)
def test_other_options_are_refused(source, output, options, named):
    refused = resume(source, output, *options)
    assert refused.exit_code == 2
    assert f"was made with another {named}" in refused.stderr


def test_another_source_is_refused(source, output, tmp_path):
    copy = shutil.copytree(source, tmp_path / "copy")
    refused = resume(copy, output)
    assert (refused.exit_code, "was made with another --model" in refused.stderr) == (2, True)


def test_another_port_is_refused(source, output, tmp_path):
    port = tmp_path / PORT.name
    port.write_text(PORT.read_text() + "\n# changed\n")
    refused = resume(source, output, "--tf", str(port))
    assert (refused.exit_code, "was made with another --tf" in refused.stderr) == (2, True)


def test_other_weights_under_the_same_name_are_refused(source, output, tmp_path):
    weights = source / "model.safetensors"
    before = weights.read_bytes()
    tensors = {name: array + np.float32(1e-7) for name, array in safetensors.numpy.load_file(weights).items()}
    try:
        safetensors.numpy.save_file(tensors, weights, {"format": "pt"})
        refused = resume(source, output)
    finally:
        weights.write_bytes(before)
    assert (refused.exit_code, "was made with other files of the source" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    "name", ["shard", "tf_model.h5.index.json", "config.json", PORT.name, "README.md", "evil.py", "tf_model-x.h5"]
)
def test_files_with_a_forged_hash_are_refused(source, output, name):
    name = next(file.name for file in output.glob("tf_model-*.h5")) if name == "shard" else name
    edit(output, name, b"{}")
    refused = resume(source, output)
    assert refused.exit_code == 2, refused.output
    assert "Traceback" not in refused.output


def test_swapped_weights_with_a_forged_hash_are_refused(source, output):
    import h5py

    shard = next(iter(sorted(output.glob("tf_model-*.h5"))))
    with h5py.File(shard, "r+") as file:
        data = file.visititems(lambda _, item: item if isinstance(item, h5py.Dataset) else None)
        data[...] = data[...] + 1
    edit(output, shard.name, shard.read_bytes())
    refused = resume(source, output)
    assert (refused.exit_code, "reads back other than it was written" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    "forged",
    [
        {"source": "someone/else"},
        {"class": "TFOther"},
        {"max_error": 1e-9},
        {"matches": False},
        {"differences": {"crossload": {"outputs": 0.0, "hidden_states": 0.0}}},
        {"trials": ["a thousand sentences"]},
        {"versions": {"torch": "9"}},
    ],
    ids=str,
)
def test_what_would_be_published_as_measured_is_porters_own(source, output, forged):
    report = json.loads((output / "pt_to_tf.json").read_text())
    (output / "pt_to_tf.json").write_text(json.dumps({**report, **forged}))
    refused = resume(source, output)
    assert (refused.exit_code, "is not the report that porter wrote here" in refused.stderr) == (2, True)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"files": {}}', b'{"schema": 1, "files": []}', b"\xff"])
def test_a_report_that_is_none_is_refused(source, output, content):
    (output / "pt_to_tf.json").write_bytes(content)
    refused = resume(source, output)
    assert (refused.exit_code, "is not a report of porter" in refused.stderr) == (2, True)


def test_a_report_that_does_not_say_what_it_was_made_from(tmp_path):
    with pytest.raises(UsageError, match="does not say what it was made from"):
        check_request(None, {"seed": 0}, tmp_path)


def test_every_part_of_a_request_has_a_word(source, converted):
    assert set(json.loads((converted / "pt_to_tf.json").read_text())["request"]) == set(WORDS)
