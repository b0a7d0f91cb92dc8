"""The whole chain on eleven families of transformers: every class of their cases, with no hand edit.

All classes of all cases are traced, ported and verified here; nothing is left to benchmarks/ports.py.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import torch

from porter.port.verify import run_port
from porter.port.write import _OF_A_GENERATOR
from porter.runtime.model.names import named_variables
from porter.subject.inputs.variation import torch_inputs
from tests.ports.porting import drawn


def ruff(file: Path, *arguments: str) -> str:
    """What ruff says of a file where it lies: in porter's checkout it would take porter for a project's own code."""
    command = [sys.executable, "-m", "ruff", *arguments, file.name]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=file.parent).stdout


def test_every_class_matches_pytorch(port):
    """Eager mode, graph mode with unknown sizes, and the weights; nothing of the file is left in PyTorch."""
    proven = {found.name for found in port.result.classes if found.ok}
    assert proven == {model.name for case in port.subject.cases for model in case.models}
    assert [note for note in port.result.notes if note.level == "left"] == []


def test_the_numbers_prove_something(port):
    """No class passes because its numbers are not compared, or because rounding is let pass as large as them."""
    assert [found.name for found in port.result.classes if not found.comparable or found.graph.max_abs is None] == []
    assert max(found.graph.max_abs for found in port.result.classes) < 1e-3


def test_the_file_is_clean(port):
    assert ruff(port.file, "check", "--isolated", "--no-cache", "--quiet") == ""
    assert ruff(port.file, "format", "--isolated", "--no-cache", "--diff", "--line-length", "119") == ""


def test_the_file_reads_beside_the_original(port):
    """Licence, classes in their order under their names with TF, and no PyTorch."""
    source, code = _OF_A_GENERATOR.sub("", port.subject.source), port.file.read_text()
    licence = re.match(r"(#.*\n)+", source)
    assert licence is not None
    assert code.startswith(licence[0])
    kept = {f"TF{name}" for name in classes(source)}
    assert [name for name in classes(code) if name in kept] == [f"TF{name}" for name in classes(source)]
    imported = [node for node in ast.walk(ast.parse(code)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    modules = {getattr(node, "module", None) or node.names[0].name for node in imported}
    assert not {name.partition(".")[0] for name in modules} & {"torch", "safetensors", "accelerate"}


def classes(code: str) -> list[str]:
    return [node.name for node in ast.parse(code).body if isinstance(node, ast.ClassDef)]


# Comments on statements that TensorFlow has no use for, and so go with them.
GONE = (
    "# move labels to correct device",
    "# make sure hidden_states require grad",  # gradient checkpointing
    "# We clone here for StaticCache",  # no tensor is changed in place
    "# diff with Llama",  # an argument that the eager attention does not read
)


def test_comments_are_kept(port):
    """All but those of imports, decorators, dropped methods, and GONE; `# Copied from` is checked on its own."""
    source, code = _OF_A_GENERATOR.sub("", port.subject.source), port.file.read_text()
    skipped = set(without_counterpart(ast.parse(source), code))
    kept = Counter(comment for _, comment in comments(code))
    expected = Counter(comment for line, comment in comments(source) if line not in skipped)
    lost = [comment for comment in expected - kept if not comment.startswith(("# Copied from", *GONE))]
    assert lost == []
    assert sum(expected.values()) > 20


def comments(code: str) -> list[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


def without_counterpart(tree: ast.Module, code: str) -> Iterator[int]:
    """Lines of imports, decorators and functions that the port does not have, with the two lines above those."""
    ported = {node.name for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef)} | {"forward"}
    for node in ast.walk(tree):
        for decorator in getattr(node, "decorator_list", []):
            yield from range(decorator.lineno, decorator.end_lineno + 1)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from range(node.lineno, node.end_lineno + 1)
        if isinstance(node, ast.FunctionDef) and node.name not in ported:
            yield from range(node.lineno - 2, node.end_lineno + 1)


# A head with labels per family: (class, the labels' name, shape and number of values).
TRAINED = {
    "bart": ("BartForConditionalGeneration", [("labels", (2, 5), 40)]),
    "bert": ("BertForMaskedLM", [("labels", (2, 7), 40)]),
    "convnext": ("ConvNextForImageClassification", [("labels", (2,), 2)]),
    "distilbert": ("DistilBertForQuestionAnswering", [("start_positions", (2,), 7), ("end_positions", (2,), 7)]),
    "gpt2": ("GPT2LMHeadModel", [("labels", (2, 7), 40)]),
    "llama": ("LlamaForCausalLM", [("labels", (2, 7), 40)]),
    "qwen3": ("Qwen3ForCausalLM", [("labels", (2, 7), 40)]),
    "roberta": ("RobertaForSequenceClassification", [("labels", (2,), 2)]),
    "t5": ("T5ForConditionalGeneration", [("labels", (2, 5), 40)]),
    "vit": ("ViTForImageClassification", [("labels", (2,), 2)]),
    "wav2vec2": ("Wav2Vec2ForSequenceClassification", [("labels", (2,), 2)]),
}


@pytest.fixture
def trained(port, tmp_path):
    """The head in both frameworks, and its inputs with labels."""
    name, labels = TRAINED[port.family]
    model = port.torch_model(name)
    inputs = port.inputs(name)
    for label in labels:
        inputs |= drawn(*label)
    return model, port.tf_model(name, model, tmp_path), inputs


def test_loss_and_gradients_are_pytorchs(trained):
    """Every gradient of the model.

    Both sides round: a gradient may differ by as much as PyTorch's own float32 differs from its float64, eightfold
    as for outputs, and by 1e-5 of the tensor's greatest (about a hundred float32 roundings).
    """
    model, port, inputs = trained
    expected = gradients(model, inputs)
    exact = gradients(
        model.double(), {k: v.astype("float64") if v.dtype.kind == "f" else v for k, v in inputs.items()}
    )
    with tf.GradientTape() as tape:
        loss = run_port(port, inputs, recorded=False).loss
    entries = {name: entry for name, entry in named_variables(port).items() if entry.variable.trainable}
    found = tape.gradient(loss, [entry.variable.value for entry in entries.values()])
    np.testing.assert_allclose(loss, expected.pop("loss"), rtol=1e-5)
    overall = max(np.abs(gradient).max() for gradient in expected.values())
    compared = 0
    for (name, entry), gradient in zip(entries.items(), found, strict=True):
        if gradient is None:
            assert np.abs(expected.get(name, np.zeros(1))).max() == 0, name
            continue
        reference = expected[name]
        noise = np.abs(reference - exact[name]).max()
        bound = max(1e-5 * np.abs(reference).max(), 8 * noise, 1e-7 * overall)
        difference = np.abs(entry.layout.to_torch(tf.convert_to_tensor(gradient).numpy()) - reference).max()
        assert difference <= bound, (name, difference, bound, noise, overall)
        compared += 1
    assert compared > 0.9 * len(expected)


def gradients(model, inputs):
    """PyTorch's loss and gradients by parameter."""
    model.zero_grad()
    loss = model(**torch_inputs(model, inputs)).loss
    loss.backward()
    found = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    return {"loss": loss.item(), **{name: gradient.double().numpy() for name, gradient in found.items()}}


def test_saved_and_reloaded_it_is_the_same(trained, tmp_path):
    _, port, inputs = trained
    folder = tmp_path / "saved"
    port.save_pretrained(folder)
    again, info = type(port).from_pretrained(folder, output_loading_info=True)
    assert info == {"missing_keys": [], "unexpected_keys": [], "mismatched_keys": []}
    first, second = (run_port(model, inputs, recorded=False) for model in (port, again))
    tf.nest.map_structure(np.testing.assert_array_equal, first.to_tuple(), second.to_tuple())


def test_a_tuple_is_the_dictionarys_values(trained):
    _, port, inputs = trained
    whole = run_port(port, inputs, recorded=True)
    values = run_port(port, {**inputs, "return_dict": False}, recorded=True)
    assert isinstance(values, tuple)
    assert len(values) == len(whole.to_tuple())
    for value, same in zip(values, whole.to_tuple(), strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, value, same)


def test_hidden_states_and_attentions_come_when_asked(trained):
    """By argument or by configuration, as many as PyTorch gives; and none otherwise."""
    model, port, inputs = trained
    asked = {"output_hidden_states": True, "output_attentions": True}
    with torch.no_grad():
        expected = model(**torch_inputs(model, inputs), **asked)
    found = run_port(port, {**inputs, **asked}, recorded=False)
    recorded = [name for name in expected if name.endswith(("hidden_states", "attentions"))]
    assert "hidden_states" in " ".join(recorded)
    assert [name for name in found if name.endswith(("hidden_states", "attentions"))] == recorded
    assert [len(found[name]) for name in recorded] == [len(expected[name]) for name in recorded]
    plain = run_port(port, inputs, recorded=False)
    assert [name for name in recorded if name in plain] == []
    port.config.output_hidden_states = True
    by_configuration = run_port(port, inputs, recorded=False)
    assert [name for name in by_configuration if name.endswith("hidden_states")] == [
        name for name in recorded if name.endswith("hidden_states")
    ]


@pytest.mark.parametrize("family", ["bert", "vit"])
def test_fit_takes_a_dictionary_with_labels(ports, family, tmp_path):
    """The loss that `fit` shows is the model's own, and one step moves the weights."""
    name, ((label, shape, high),) = TRAINED[family]
    port = ports(family)
    model = port.torch_model(name)
    for setting in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
        setattr(model.config, setting, 0.0)
    head, inputs = port.tf_model(name, model, tmp_path), port.inputs(name) | drawn(label, shape, high)
    loss = run_port(head, inputs, recorded=False).loss
    before = [variable.numpy().copy() for variable in head.trainable_variables]
    head.compile(optimizer="sgd")
    history = head.fit(inputs, epochs=1, batch_size=2, verbose=0)
    np.testing.assert_allclose(history.history["loss"], [loss], rtol=1e-5)
    moved = [np.abs(variable - old).max() > 0 for variable, old in zip(head.trainable_variables, before, strict=True)]
    assert sum(moved) > 0.9 * len(moved)
