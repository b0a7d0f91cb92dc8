"""Block by block: the same proof as of whole models, with weights in memory only while they are used."""

import shutil
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from diffcheck.compare.metrics import Bound as Tolerance
from diffcheck.record.values import flatten
from porter.runtime.stored.tensor_source import CheckpointError
from porter.weights.in_background import Written
from porter.weights.prove.blocks import BlockWatch, choose_blocks, trial_of_run
from porter.weights.prove.differences import run_torch
from porter.weights.prove.memory import Room, free_memory
from porter.weights.prove.proof import BlockByBlock, Whole
from porter.weights.prove.reference import TorchSource
from porter.weights.prove.tf_blocks import Twins, Weights
from porter.weights.prove.torch_blocks import load_in_blocks

torch = pytest.importorskip("torch")

PORT = Path(__file__).parents[2] / "runtime" / "modeling_tf_small_bert.py"
SMALL = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 60}
MODELS = {
    "BertForMaskedLM": {"hidden_size": 16, "max_position_embeddings": 64, **SMALL},
    "MixtralForCausalLM": {"hidden_size": 16, "num_key_value_heads": 1, "num_local_experts": 4, **SMALL},
    "Wav2Vec2Model": {"hidden_size": 16, "conv_dim": (8, 8), "conv_stride": (5, 4), "conv_kernel": (10, 8),
                      "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2, **SMALL},
    "ResNetModel": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"},
    "T5ForConditionalGeneration": {"d_model": 16, "d_kv": 4, "d_ff": 32, "num_layers": 2, "num_heads": 2,
                                   "vocab_size": 60, "decoder_start_token_id": 0},
}  # fmt: skip
LIMIT = 10_000


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """The folder of a model of MODELS, made when it is asked for."""
    import transformers

    from porter.subject.strong_weights import strengthen

    made = {}

    def folder(name):
        if name not in made:
            model_class = getattr(transformers, name)
            model = model_class(model_class.config_class(**MODELS[name]))
            strengthen(model)
            made[name] = tmp_path_factory.mktemp(name)
            model.save_pretrained(made[name], max_shard_size="20KB")
        return made[name]

    return folder


@pytest.mark.parametrize("name", list(MODELS))
def test_pytorch_computes_the_same_with_weights_read_on_demand(checkpoints, name):
    source = TorchSource(checkpoints(name), name)
    room = Room(LIMIT)
    model = load_in_blocks(source.find(), source.folder, room)
    assert all(parameter.is_meta for parameter in model.parameters())
    found = run_torch(model)
    whole = source.load()
    for (trial, outputs), (other, expected) in zip(found, run_torch(whole), strict=True):
        assert trial.name == other.name
        assert list(outputs.tensors) == list(expected.tensors)
        for path, value in expected.tensors.items():
            np.testing.assert_array_equal(outputs.tensors[path].array, value.array, err_msg=path)
    largest = max(parameter.nbytes for parameter in whole.parameters())
    assert 0 < room.most <= max(LIMIT, largest)


def test_a_checkpoint_that_lacks_a_weight_is_refused(checkpoints):
    import transformers

    with pytest.raises(CheckpointError, match=r"lacks weights of BertForSequenceClassification: bert\.pooler"):
        load_in_blocks(transformers.BertForSequenceClassification, checkpoints("BertForMaskedLM"), Room(LIMIT))


def test_blocks_are_the_largest_parts_that_fit(checkpoints):
    source = TorchSource(checkpoints("BertForMaskedLM"), "BertForMaskedLM")
    model = source.load()
    sizes = {path: sum(p.nbytes for p in module.parameters()) for path, module in model.named_modules()}
    layer = sizes["bert.encoder.layer.0"]
    assert choose_blocks(model, sizes[""]) == ("bert", "cls")
    assert {"bert.encoder.layer.0", "bert.encoder.layer.1"} < set(choose_blocks(model, layer))
    small = choose_blocks(model, layer - 1)
    assert {"bert.encoder.layer.0.attention", "bert.encoder.layer.0.output"} < set(small)
    owners = [[path for path in small if name.startswith(f"{path}.")] for name, _ in model.named_parameters()]
    assert all(len(found) == 1 for found in owners)


@pytest.fixture(scope="module")
def port():
    from porter.port.find_port import PortSource
    from porter.port.load import load_class

    return load_class(PortSource(PORT, "TFBertForMaskedLM"))


@pytest.fixture(scope="module")
def written(checkpoints, port, tmp_path_factory):
    """The TensorFlow weights of BertForMaskedLM."""
    folder = tmp_path_factory.mktemp("written")
    port.from_pretrained(checkpoints("BertForMaskedLM"), from_pt=True).save_pretrained(folder)
    return done(folder)


def done(folder):
    """A folder whose weights are written."""
    files = Future()
    files.set_result([folder / "tf_model.safetensors"])
    return Written(folder, files)


def test_the_proof_is_that_of_the_whole_models(checkpoints, port, written):
    source = TorchSource(checkpoints("BertForMaskedLM"), "BertForMaskedLM")
    whole, blockwise = Whole(source, 5e-5), BlockByBlock(source, 5e-5, LIMIT)
    _, expected = whole.crossload(port, 0, written)
    _, found = blockwise.crossload(port, 0, written)
    assert [result.trial for result in found.verification.results] == [r.trial for r in expected.verification.results]
    assert found.verification.max_output == pytest.approx(expected.verification.max_output, abs=1e-6)
    assert found.verification.max_hidden == pytest.approx(expected.verification.max_hidden, abs=1e-6)
    assert found.verification.matches
    assert found.causes == ()
    assert found.blocks.compared == found.blocks.blocks > 4
    assert 0 < found.blocks.max_relative < 1e-5
    assert found.blocks.weight_bytes <= LIMIT
    assert expected.blocks is None


def test_the_block_that_is_wrong_is_named_and_no_other(checkpoints, tmp_path, written):
    from porter.port.find_port import PortSource
    from porter.port.load import load_class

    text = PORT.read_text()
    wrong = text.replace("get_tf_activation(config.hidden_act)", 'get_tf_activation("gelu_new")', 1)
    assert wrong != text
    (tmp_path / "modeling_tf_wrong.py").write_text(wrong)
    source = TorchSource(checkpoints("BertForMaskedLM"), "BertForMaskedLM")
    prover = BlockByBlock(source, 5e-5, 7_000)
    model_class = load_class(PortSource(tmp_path / "modeling_tf_wrong.py", "TFBertForMaskedLM"))
    _, proof = prover.crossload(model_class, 0, written)
    assert not proof.verification.matches
    named = [cause.partition(",")[0] for cause in proof.causes]
    assert named == [f"bert.encoder.layer.{number}.intermediate" for number in (0, 1)]


def test_a_block_that_matches_runs_alone_on_one_trial(checkpoints, port, written, monkeypatch):
    judged, is_doubtful = [], BlockWatch._is_doubtful

    def recorded(watch, path, trial, *outputs):
        judged.append((path, trial, is_doubtful(watch, path, trial, *outputs)))
        return judged[-1][2]

    monkeypatch.setattr(BlockWatch, "_is_doubtful", recorded)
    prover = BlockByBlock(TorchSource(checkpoints("BertForMaskedLM"), "BertForMaskedLM"), 5e-5, LIMIT)
    _, proof = prover.crossload(port, 0, written)
    assert {trial for _, trial, _ in judged} == {result.trial for result in proof.verification.results}
    assert [trial for _, trial, alone in judged if alone] == ["7 tokens"] * proof.blocks.blocks


def test_of_a_block_that_runs_twice_in_each_trial_the_second_trial_is_chosen():
    block, watch = torch.nn.Linear(2, 2), BlockWatch(("block",), Tolerance())
    with ExitStack() as stack:
        watch._watch_torch("block", block, stack)
        for trial in ("first", "second"):
            token = trial_of_run.set(trial)
            output = block(block(torch.ones(1, 2)))
            trial_of_run.reset(token)
    matching = flatten(output)
    assert [watch._is_doubtful("block", trial, matching, output) for trial in ("first", "second")] == [False, True]


def test_rounding_is_measured_block_by_block_too(checkpoints, port, written):
    source = TorchSource(checkpoints("BertForMaskedLM"), "BertForMaskedLM")
    prover = BlockByBlock(source, 1e-9, LIMIT)
    reference, proof = prover.crossload(port, 0, written)
    assert reference.noise
    assert all(result.bound.noise for result in proof.verification.results)


def test_what_was_written_is_not_run_again_where_its_bits_are_pytorchs(checkpoints, port, written, monkeypatch):
    prover = BlockByBlock(TorchSource(checkpoints("BertForMaskedLM"), "BertForMaskedLM"), 5e-5, LIMIT)
    reference, proof = prover.crossload(port, 0, written)
    assert prover.has_read_back(written.folder)
    monkeypatch.setattr("porter.weights.prove.proof.run_tensorflow", lambda *_: pytest.fail("it was run"))
    again = prover.reload(port, written.folder, reference)
    assert again.verification == proof.verification
    assert again.same_bits
    assert not proof.same_bits


@pytest.mark.parametrize("name", ["cls/predictions/bias", "bert/encoder/layer.1/output/dense/kernel"])
def test_what_was_written_with_one_other_bit_is_run(checkpoints, port, written, tmp_path, name):
    from safetensors.numpy import load_file, save_file

    shutil.copytree(written.folder, tmp_path, dirs_exist_ok=True)
    weights = load_file(tmp_path / "tf_model.safetensors")
    path = next(path for path in weights if path.endswith(name))
    weights[path] = weights[path].copy()
    weights[path].reshape(-1)[3] += 1
    save_file(weights, tmp_path / "tf_model.safetensors", {"format": "tf"})
    prover = BlockByBlock(TorchSource(checkpoints("BertForMaskedLM"), "BertForMaskedLM"), 5e-5, LIMIT)
    reference, proof = prover.crossload(port, 0, done(tmp_path))
    assert proof.verification.matches
    assert not prover.has_read_back(tmp_path)
    again = prover.reload(port, tmp_path, reference)
    assert not again.verification.matches
    assert not again.same_bits


def test_weights_that_no_input_needs_are_compared_too():
    arrays = {"used": np.zeros(2), "unused": np.zeros(3)}
    changed = {**arrays, "unused": np.ones(3)}
    for second, same in ((arrays, True), (changed, False), ({"used": arrays["used"]}, False)):
        twins = Twins(*(Weights(None, {}, {n: lambda a=a: a for n, a in each.items()}) for each in (arrays, second)))
        assert np.array_equal(twins.read("used"), arrays["used"])
        assert twins.are_same() is same


def test_a_room_forgets_what_was_unused_for_longest():
    room = Room(10)
    made = []

    def make(name):
        return room.get(name, 4, lambda: made.append(name) or name)

    assert [make(name) for name in ("a", "b", "a", "c", "a", "b")] == ["a", "b", "a", "c", "a", "b"]
    assert made == ["a", "b", "c", "b"]
    assert room.most == 8
    assert room.get("large", 99, lambda: "large") == "large"
    assert room.used == 99


def test_free_memory_is_a_number_of_bytes():
    assert 1 << 20 < free_memory() < 1 << 50
