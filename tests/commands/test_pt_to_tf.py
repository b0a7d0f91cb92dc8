"""`porter pt-to-tf` as a user runs it, on tiny checkpoints and a small BERT port."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from typer.testing import CliRunner

from porter.cli import app
from porter.port.find_port import PortSource
from porter.port.load import load_class

torch = pytest.importorskip("torch")

PORT = Path(__file__).parents[1] / "runtime" / "modeling_tf_small_bert.py"
TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "vocab_size": 100,
    "max_position_embeddings": 64,
}
CLASSES = ("BertModel", "BertForMaskedLM")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Folders by class name, strong random weights."""
    import transformers

    from porter.subject.strong_weights import strengthen

    folders = {}
    for name in CLASSES:
        model = getattr(transformers, name)(transformers.BertConfig(**TINY))
        strengthen(model)
        folders[name] = tmp_path_factory.mktemp(name)
        model.save_pretrained(folders[name])
    return folders


@pytest.fixture
def source(checkpoints, tmp_path):
    """A copy of the masked-LM checkpoint that a test may spoil."""
    return shutil.copytree(checkpoints["BertForMaskedLM"], tmp_path / "source")


def convert(source, output, *options, port=PORT):
    command = ["pt-to-tf", "--model-name", str(source), "--no-pr", "--output", str(output), "--tf", str(port)]
    return CliRunner().invoke(app, [*command, *options])


def outputs(model, **inputs):
    return {name: np.asarray(value) for name, value in model(**inputs).items() if name in ("logits", "pooler_output")}


def left_behind(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "source")


@pytest.mark.parametrize("name", CLASSES)
def test_the_written_model_is_pytorchs(checkpoints, tmp_path, name):
    import transformers

    run = convert(checkpoints[name], tmp_path / "tf", "--json")
    assert run.exit_code == 0, run.output
    report = json.loads(run.stdout)
    assert report["matches"]
    assert report["class"] == f"TF{name}"
    assert set(report["differences"]) == {"crossload", "conversion"}
    for found in report["differences"].values():
        assert 0 < found["hidden_states"] < 5e-5
        assert found["outputs"] < 5e-5
    assert {"padded left", "padded right", "1 token", "7 tokens"} < set(report["trials"])
    assert sorted(report["files"]) == ["config.json", PORT.name, "tf_model.h5"]

    model = load_class(PortSource(tmp_path / "tf" / PORT.name, f"TF{name}")).from_pretrained(tmp_path / "tf")
    pytorch = getattr(transformers, name).from_pretrained(checkpoints[name], attn_implementation="eager").eval()
    ids = np.random.default_rng(3).integers(0, 100, (3, 11))
    with torch.no_grad():
        expected = outputs(pytorch, input_ids=torch.from_numpy(ids))
    found = outputs(model, input_ids=ids)
    assert expected
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, atol=1e-5, rtol=0)


def test_a_difference_leaves_nothing_and_names_the_module(checkpoints, tmp_path):
    text = PORT.read_text()
    wrong = text.replace("get_tf_activation(config.hidden_act)", 'get_tf_activation("gelu_new")', 1)
    assert wrong != text
    port = tmp_path / "modeling_tf_wrong.py"
    port.write_text(wrong)
    run = convert(checkpoints["BertForMaskedLM"], tmp_path / "tf", port=port)
    assert run.exit_code == 1
    assert "nothing was written" in run.output
    assert "intermediate" in run.output
    assert left_behind(tmp_path) == [port.name]
    assert convert(checkpoints["BertForMaskedLM"], tmp_path / "tf", "--max-error", "1", port=port).exit_code == 0


def test_a_missing_tensor_is_named(source, tmp_path):
    tensors = safetensors.numpy.load_file(source / "model.safetensors")
    del tensors["bert.encoder.layer.1.output.dense.weight"]
    safetensors.numpy.save_file(tensors, source / "model.safetensors", {"format": "pt"})
    run = convert(source, tmp_path / "tf")
    assert run.exit_code == 2
    assert "bert.encoder.layer.1.output.dense.weight" in run.output
    assert left_behind(tmp_path) == []


def test_nan_weights_prove_nothing(source, tmp_path):
    tensors = safetensors.numpy.load_file(source / "model.safetensors")
    tensors["bert.encoder.layer.0.output.dense.weight"][0, 0] = np.nan
    safetensors.numpy.save_file(tensors, source / "model.safetensors", {"format": "pt"})
    run = convert(source, tmp_path / "tf")
    assert run.exit_code == 2
    assert "NaN" in run.output
    assert left_behind(tmp_path) == []


def test_a_truncated_file_is_refused(source, tmp_path):
    file = source / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    run = convert(source, tmp_path / "tf")
    assert run.exit_code == 2
    assert "Traceback" not in run.output
    assert left_behind(tmp_path) == []


def test_what_exists_is_not_overwritten(checkpoints, tmp_path):
    (tmp_path / "tf").mkdir()
    (tmp_path / "tf" / "precious").write_text("kept")
    run = convert(checkpoints["BertModel"], tmp_path / "tf")
    assert run.exit_code == 2
    assert "exists already" in run.output
    assert [path.read_text() for path in (tmp_path / "tf").iterdir()] == ["kept"]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [("no/such/folder", "no folder"), (".", "no PyTorch weights")],
)
def test_a_source_that_is_no_checkpoint(tmp_path, monkeypatch, source, sentence):
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke(app, ["pt-to-tf", "--model-name", source, "--no-pr", "--output", "tf"])
    assert run.exit_code == 2
    assert sentence in run.output
    assert left_behind(tmp_path) == []


def test_sharded_and_bin_sources(checkpoints, tmp_path):
    import transformers

    model = transformers.BertModel.from_pretrained(checkpoints["BertModel"])
    model.save_pretrained(tmp_path / "sharded", max_shard_size="20KB")
    assert len(list((tmp_path / "sharded").glob("*.safetensors"))) > 2
    (tmp_path / "bin").mkdir()
    model.config.save_pretrained(tmp_path / "bin")
    torch.save(model.state_dict(), tmp_path / "bin" / "pytorch_model.bin")
    for kind in ("sharded", "bin"):
        run = convert(tmp_path / kind, tmp_path / f"tf_{kind}")
        assert run.exit_code == 0, run.output
    written = [(tmp_path / f"tf_{kind}" / "tf_model.h5").read_bytes() for kind in ("sharded", "bin")]
    assert written[0] == written[1]


def test_images_through_the_repositorys_own_processor_are_compared_too(tmp_path):
    import transformers

    pytest.importorskip("PIL")
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=24, patch_size=8
    )
    transformers.ViTModel(config).save_pretrained(tmp_path / "vit")
    transformers.ViTImageProcessorPil(size={"height": 24, "width": 24}).save_pretrained(tmp_path / "vit")
    command = [
        "pt-to-tf",
        "--model-name",
        str(tmp_path / "vit"),
        "--no-pr",
        "--output",
        str(tmp_path / "tf"),
        "--json",
    ]
    run = CliRunner().invoke(app, command)
    assert run.exit_code == 0, run.output
    report = json.loads(run.stdout)
    assert report["trials"] == ["images", "samples through the repository's processors"]
    assert "preprocessor_config.json" in report["files"]


def test_the_configuration_that_the_port_names_goes_along(checkpoints, tmp_path):
    (tmp_path / "port").mkdir()
    port = tmp_path / "port" / "modeling_tf_own.py"
    port.write_text(PORT.read_text() + "\n# The configuration is in configuration_own.\n")
    for name in ("configuration_own.py", "configuration_other.py"):
        (tmp_path / "port" / name).write_text("")
    assert convert(checkpoints["BertModel"], tmp_path / "tf", port=port).exit_code == 0
    assert [path.name for path in sorted((tmp_path / "tf").glob("*.py"))] == ["configuration_own.py", port.name]


def test_a_dry_run_writes_nothing_and_names_every_variable(checkpoints, tmp_path):
    run = convert(checkpoints["BertModel"], tmp_path / "tf", "--dry-run", "--json")
    assert run.exit_code == 0, run.output
    plan = json.loads(run.stdout)
    stored = safetensors.numpy.load_file(checkpoints["BertModel"] / "model.safetensors")
    assert {move["from"] for move in plan["moves"]} == set(stored)
    assert plan["bytes"] == sum(array.nbytes for array in stored.values())
    assert left_behind(tmp_path) == []


def test_half_precision_keeps_its_type_and_its_size(checkpoints, tmp_path):
    import h5py
    import transformers

    model = transformers.BertModel.from_pretrained(checkpoints["BertModel"], dtype=torch.float16)
    model.save_pretrained(tmp_path / "half")
    assert convert(tmp_path / "half", tmp_path / "tf").exit_code == 0
    with h5py.File(tmp_path / "tf" / "tf_model.h5") as file:
        found = []
        file.visititems(lambda _, item: found.append(item.dtype) if isinstance(item, h5py.Dataset) else None)
    assert set(found) == {np.dtype("float16")}


def test_bfloat16_needs_safetensors_and_keeps_its_type(checkpoints, tmp_path):
    import transformers

    model = transformers.BertModel.from_pretrained(checkpoints["BertModel"], dtype=torch.bfloat16)
    model.save_pretrained(tmp_path / "bf16")
    refused = convert(tmp_path / "bf16", tmp_path / "tf")
    assert refused.exit_code == 2
    assert "--format safetensors" in refused.output
    assert convert(tmp_path / "bf16", tmp_path / "tf", "--format", "safetensors").exit_code == 0
    size = (tmp_path / "tf" / "tf_model.safetensors").stat().st_size
    assert size < 1.1 * (tmp_path / "bf16" / "model.safetensors").stat().st_size


@pytest.mark.parametrize(
    "options",
    [
        ("--format", "pickle"),
        ("--dtype", "int8"),
        ("--max-shard-size", "many"),
        ("--max-error", "-1"),
        ("--tf", "no.py"),
    ],
)
def test_options_that_mean_nothing(checkpoints, tmp_path, options):
    assert convert(checkpoints["BertModel"], tmp_path / "tf", *options).exit_code == 2
    assert left_behind(tmp_path) == []


def test_a_folder_has_no_repository_to_propose_to(checkpoints, tmp_path):
    command = ["pt-to-tf", "--model-name", str(checkpoints["BertModel"]), "--output", str(tmp_path / "tf")]
    run = CliRunner().invoke(app, command)
    assert run.exit_code == 2
    assert "--no-pr" in run.output


def test_an_address_with_a_token_is_refused_without_repeating_it(tmp_path):
    address = "https://user:hf_verysecret@huggingface.co/someone/model"
    run = CliRunner().invoke(app, ["pt-to-tf", "--model-name", address, "--output", str(tmp_path / "tf")])
    assert run.exit_code == 2
    assert "hf_verysecret" not in run.output


def test_what_was_converted_is_not_converted_again_unasked(source, tmp_path):
    (source / "tf_model.h5").write_bytes(b"former")
    assert "--new-weights" in convert(source, tmp_path / "tf").output
    assert convert(source, tmp_path / "tf", "--new-weights").exit_code == 0


def test_resuming_finds_the_finished_work_and_refuses_changed_files(source, tmp_path):
    assert convert(source, tmp_path / "tf").exit_code == 0
    report = (tmp_path / "tf" / "pt_to_tf.json").read_text()
    again = convert(source, tmp_path / "tf", "--resume", "--json")
    assert again.exit_code == 0
    assert json.loads(again.stdout)["files"] == json.loads(report)["files"]
    assert "crossload:" not in again.stderr
    with (tmp_path / "tf" / "tf_model.h5").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\0\0\0\1")
    changed = convert(source, tmp_path / "tf", "--resume")
    assert changed.exit_code == 2
    assert "not what was converted" in changed.output


def test_what_does_not_fit_is_compared_block_by_block(checkpoints, tmp_path, monkeypatch):
    monkeypatch.setattr("porter.weights.prove.memory.ENOUGH", 20_000)
    run = convert(checkpoints["BertForMaskedLM"], tmp_path / "tf", "--json")
    assert run.exit_code == 0, run.output
    report = json.loads(run.stdout)
    blocks = report["blocks"]["crossload"]
    assert blocks["compared"] == blocks["blocks"] > 2
    assert blocks["weight_bytes"] <= 20_000
    assert report["differences"]["conversion"] == report["differences"]["crossload"]
    assert "block by block" in convert(checkpoints["BertForMaskedLM"], tmp_path / "tf", "--resume").output


def test_memory_that_cannot_be_enough_is_refused_at_once(checkpoints, tmp_path):
    run = convert(checkpoints["BertModel"], tmp_path / "tf", "--max-memory", "1MB")
    assert run.exit_code == 2
    assert "too little" in run.output
    assert left_behind(tmp_path) == []


def test_a_keras_file_is_proven_and_loaded_as_it_is(checkpoints, tmp_path):
    import porter

    run = convert(checkpoints["BertModel"], tmp_path / "tf", "--format", "keras", "--json")
    assert run.exit_code == 0, run.output
    report = json.loads(run.stdout)
    assert sorted(report["files"]) == ["config.json", PORT.name, "tf_model.keras"]
    assert report["differences"]["conversion"] == report["differences"]["crossload"]
    ids = np.arange(12).reshape(2, 6)
    expected = porter.load(str(checkpoints["BertModel"]), tf=str(PORT))(input_ids=ids)[0]
    np.testing.assert_array_equal(porter.load(str(tmp_path / "tf"))(input_ids=ids)[0], expected)


def test_a_saved_model_serves_what_pytorch_computes(checkpoints, tmp_path):
    import tensorflow as tf

    run = convert(checkpoints["BertForMaskedLM"], tmp_path / "tf", "--format", "saved-model", "--json")
    assert run.exit_code == 0, run.output
    report = json.loads(run.stdout)
    assert "saved_model/saved_model.pb" in report["files"]
    assert report["differences"]["conversion"]["outputs"] < 1e-5
    assert report["differences"]["conversion"]["hidden_states"] == 0.0  # a SavedModel serves none
    serve = tf.saved_model.load(tmp_path / "tf" / "saved_model").signatures["serving_default"]
    ids = np.arange(15).reshape(3, 5)
    served = serve(input_ids=tf.constant(ids), attention_mask=tf.ones_like(ids))
    assert served["logits"].shape == (3, 5, TINY["vocab_size"])
    assert (
        convert(checkpoints["BertForMaskedLM"], tmp_path / "tf", "--format", "saved-model", "--resume").exit_code == 0
    )


@pytest.mark.parametrize("weight_format", ["keras", "saved-model"])
def test_formats_of_whole_models_do_not_widen_unasked(checkpoints, tmp_path, weight_format):
    import transformers

    model = transformers.BertModel.from_pretrained(checkpoints["BertModel"], dtype=torch.float16)
    model.save_pretrained(tmp_path / "half")
    run = convert(tmp_path / "half", tmp_path / "tf", "--format", weight_format)
    assert run.exit_code == 2
    assert "--dtype float32" in run.output
    assert not (tmp_path / "tf").exists()
    widened = convert(tmp_path / "half", tmp_path / "tf", "--format", weight_format, "--dtype", "float32")
    assert widened.exit_code == 0, widened.output


def test_weights_that_were_there_are_compared_too(source, tmp_path):
    assert convert(source, tmp_path / "first").exit_code == 0
    shutil.copyfile(tmp_path / "first" / "tf_model.h5", source / "tf_model.h5")
    tensors = safetensors.numpy.load_file(source / "model.safetensors")
    tensors["bert.encoder.layer.1.output.dense.bias"][:5] += 1
    safetensors.numpy.save_file(tensors, source / "model.safetensors", {"format": "pt"})
    run = convert(source, tmp_path / "second", "--new-weights", "--json")
    assert run.exit_code == 0, run.output
    differences = json.loads(run.stdout)["differences"]
    assert differences["before"]["hidden_states"] > 1e-2
    assert differences["conversion"]["hidden_states"] < 5e-5
    assert json.loads(run.stdout)["matches"]


@pytest.mark.parametrize("weight_format", ["h5", "safetensors"])
def test_several_files_with_an_index(checkpoints, tmp_path, weight_format):
    options = ("--format", weight_format, "--max-shard-size", "40KB", "--json")
    run = convert(checkpoints["BertModel"], tmp_path / "tf", *options)
    assert run.exit_code == 0, run.output
    report = json.loads(run.stdout)
    assert len([name for name in report["files"] if name.endswith(f".{weight_format}")]) > 2
    assert f"tf_model.{weight_format}.index.json" in report["files"]
    assert report["differences"]["conversion"] == report["differences"]["crossload"]


def test_load_gives_the_keras_model_from_either_weights(checkpoints, tmp_path):
    import porter

    before = porter.load(str(checkpoints["BertModel"]), tf=str(PORT))
    assert convert(checkpoints["BertModel"], tmp_path / "tf").exit_code == 0
    after = porter.load(str(tmp_path / "tf"))
    assert type(after).__name__ == "TFBertModel"
    ids = np.arange(12).reshape(2, 6)
    np.testing.assert_array_equal(before(input_ids=ids)[0], after(input_ids=ids)[0])
