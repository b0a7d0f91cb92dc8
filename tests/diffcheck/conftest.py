import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

HERE = Path(__file__).parent


def load(name, folder=HERE):
    """Import one file of this folder, or an edited copy of it elsewhere, under a name of its own."""
    path = folder / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"diffcheck_tests_{folder.name}_{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def strengthen(model, seed=0):
    """Random weights well away from 0 and 1, so that no difference hides."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            spread = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(0.3 * spread if parameter.ndim > 1 else 0.7 + 0.3 * spread)


def transfer(torch_model, tf_model):
    """Load a Keras model whose layers carry PyTorch's names: kernels of Dense layers are transposed."""
    from diffcheck.record import tf_side

    state = {name: value.numpy() for name, value in torch_model.state_dict().items()}
    for path, variable in tf_side.variables(tf_model).items():
        value = state[path.removeprefix("tiny.")]
        variable.assign(value.T if variable.name == "kernel" else value)


@pytest.fixture(scope="session")
def torch_file():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    return load("tiny_torch")


@pytest.fixture(scope="session")
def tf_file():
    pytest.importorskip("tensorflow")
    return load("tiny_tf")


def make_twins(torch_file, tf_file):
    torch_model = torch_file.Model()
    strengthen(torch_model)
    tf_model = tf_file.TFModel(torch_file.CONFIG)
    tf_model.build()
    transfer(torch_model, tf_model)
    rng = np.random.default_rng(1)
    mask = np.ones((2, 7), np.int64)
    mask[1, 5:] = 0
    inputs = {"input_ids": rng.integers(0, 40, (2, 7)), "attention_mask": mask}
    return SimpleNamespace(torch=torch_model.eval(), tf=tf_model, inputs=inputs)


@pytest.fixture(scope="session")
def new_twins(torch_file, tf_file):
    """Makes :func:`twins` for those that need them for longer than one test."""
    return lambda: make_twins(torch_file, tf_file)


@pytest.fixture
def twins(torch_file, tf_file):
    """A PyTorch model and a true TensorFlow port with the same weights, and inputs with padding."""
    return make_twins(torch_file, tf_file)


@pytest.fixture
def old_twins(torch_file, tf_file):
    """The PyTorch model and a port written by hand, with other names, other levels and tuples as results."""
    old_file = load("tiny_tf_by_hand")
    torch_model = torch_file.Model()
    strengthen(torch_model)
    tf_model = old_file.TFTinyModel(torch_file.CONFIG)
    twins = make_twins(torch_file, tf_file)
    tf_model(twins.inputs)
    old_file.load_from(tf_model, {name: value.numpy() for name, value in torch_model.state_dict().items()})
    return SimpleNamespace(torch=torch_model.eval(), tf=tf_model, inputs=twins.inputs)


@pytest.fixture
def mutant(torch_file, tmp_path):
    """The same with one edit of the TensorFlow file: old text, new text."""

    def make(old, new):
        text = (HERE / "tiny_tf.py").read_text()
        assert old in text
        (tmp_path / "tiny_tf.py").write_text(text.replace(old, new, 1))
        twins = make_twins(torch_file, load("tiny_tf", tmp_path))
        twins.file = tmp_path / "tiny_tf.py"
        return twins

    return make


@pytest.fixture
def old_mutant(old_twins, tmp_path):
    """The port written by hand with one edit of its file; its weights are those of the true port."""

    def make(old, new):
        from diffcheck.record import tf_side

        text = (HERE / "tiny_tf_by_hand.py").read_text()
        assert old in text
        old_twins.file = tmp_path / "tiny_tf_by_hand.py"
        old_twins.file.write_text(text.replace(old, new, 1))
        edited = vars(load("tiny_tf_by_hand", tmp_path))
        for layer in tf_side.layers(old_twins.tf).values():
            layer.__class__ = edited.get(type(layer).__name__, type(layer))
        return old_twins

    return make
