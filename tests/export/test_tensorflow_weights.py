"""A checkpoint that has TensorFlow's weights only is exported, and compared with PyTorch's model of the same."""

import numpy as np
import pytest

from porter.base.errors import UsageError
from porter.export.tensorflow_weights import NOTE, fill
from porter.port.load import PortSource, load_class
from porter.subject.torch_checkpoint import LacksWeights
from tests.export.conftest import CONFIGURATIONS

torch = pytest.importorskip("torch")
pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def keras_model(checkpoint, port):
    return load_class(PortSource(port("bert"), "TFBertForMaskedLM")).from_pretrained(str(checkpoint("bert")))


def fresh(**changed):
    import transformers

    config = transformers.BertConfig(**(CONFIGURATIONS["bert"][2] | changed))
    return transformers.BertForMaskedLM(config).eval()


def test_every_weight_comes_back(keras_model, checkpoint, tmp_path):
    from porter.subject.torch_checkpoint import load_torch

    model, original = fresh(), load_torch(checkpoint("bert"))
    fill(model, keras_model, tmp_path)
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    state = original.state_dict()
    assert set(model.state_dict()) == set(state)
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


def test_what_does_not_fit_is_named(keras_model, tmp_path):
    with pytest.raises(UsageError, match=r"does not fit BertForMaskedLM: size mismatch for bert.embeddings.position"):
        fill(fresh(max_position_embeddings=65), keras_model, tmp_path)
    with pytest.raises(UsageError, match=r"BertForMaskedLM has no place for bert.encoder.layer.1."):
        fill(fresh(num_hidden_layers=1), keras_model, tmp_path)
    with pytest.raises(LacksWeights, match=r"lacks weights of BertForMaskedLM, such as bert.encoder.layer.2"):
        fill(fresh(num_hidden_layers=3), keras_model, tmp_path)


def test_a_trained_port_is_exported(keras_model, porter_export, tmp_path):
    """The weights are other ones than those of the checkpoint that the port was made of."""
    trained = tmp_path / "trained"
    weights = keras_model.get_weights()
    try:
        keras_model.set_weights([weight * np.float32(1.25) for weight in weights])
        keras_model.save_pretrained(trained)
    finally:
        keras_model.set_weights(weights)
    run = porter_export("onnx", "--framework", "tf", "--model", trained, tmp_path / "out")
    assert run.exit_code == 0, run.output
    assert NOTE in run.output
