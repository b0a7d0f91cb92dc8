"""Layers carry PyTorch's names, members of containers theirs with index or key."""

import keras
import libcst as cst
import pytest

from porter.rewrite.reading.layer_names import LayerName, layer_name
from porter.runtime.model.names import named_variables


@pytest.fixture(scope="module")
def names(source):
    """The name of each layer made in TinyContainers, by the code of its constructor, in order."""
    calls = source.find(source.functions["TinyContainers.__init__"].node, cst.Call)
    made = (call for call in calls if source.canonical(call.func) in ("torch.nn.Linear", "local.TinyScaled"))
    return [found.code for call in made if (found := layer_name(source, call))]


def test_members_are_counted_as_pytorch_counts_them(names):
    assert names == [
        'f"repeated.{i}"',
        '"joined.0"',
        'f"joined.{i + 1}"',
        'f"counted.{index}"',
        'f"numbered.{number}"',
        'f"appended.{len(self.appended)}"',
        '"named.first"',
        '"named.last"',
    ]


def test_a_comprehension_without_a_counter_gets_one(tiny):
    constructor = tiny.text("TFTinyContainers.__init__")
    assert "for i in range(2)" in constructor
    assert "for index, (a, b) in enumerate(zip(sizes[:-1], sizes[1:], strict=True))" in constructor
    assert "for number, width in enumerate(sizes)" in constructor


def test_containers_are_lists_and_dictionaries(tiny):
    constructor = tiny.text("TFTinyContainers.__init__")
    assert "self.appended = []" in constructor
    assert "Module" not in constructor


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (LayerName("dense"), '"dense"'),
        (LayerName("blocks", ("0",)), '"blocks.0"'),
        (LayerName("blocks", ("i + 1",)), 'f"blocks.{i + 1}"'),
        (LayerName("blocks", ("i", "0")), 'f"blocks.{i}.0"'),
        (LayerName("", ('f"shift_{i}"',)), 'f"shift_{i}"'),
        (LayerName("", ("name",)), 'f"{name}"'),
        (LayerName("heads", ('"mlm"',)), '"heads.mlm"'),
    ],
)
def test_the_code_of_a_name(name, code):
    assert name.code == code


def test_the_built_models_variables_have_pytorchs_names(tiny):
    modeling = tiny.module()
    model = modeling.TFTinyModel.from_config(modeling.TinyConfig())
    assert isinstance(model, keras.Model)
    expected = {
        "containers.joined.0.weight", "containers.joined.2.dense.weight", "containers.counted.1.bias",
        "containers.appended.1.weight", "containers.named.last.dense.bias", "layers.1.output.weight",
        "layers.0.mixer.dense.weight", "layers.0.norm.weight", "embeddings.start", "embeddings.ramp",
    }  # fmt: skip
    assert expected <= set(named_variables(model))
