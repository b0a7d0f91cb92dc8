import numpy as np
import pytest

import diffcheck
from diffcheck import Options
from diffcheck.judge.training_step import without_dropout


def backward(twins, **options):
    return diffcheck.diff(twins.torch, twins.tf, twins.inputs, Options(**options)).backward


def test_gradients_of_a_true_port_match(twins):
    (found,) = backward(twins, gradients=True)
    assert found.matches, found.sentences()
    assert len(found.gradients.tensors) == len(list(twins.torch.parameters()))
    assert all(tensor.scale > 1e-6 for tensor in found.gradients.tensors if "key.bias" not in tensor.path)
    assert not found.unexercised
    assert all(parameter.grad is None for parameter in twins.torch.parameters())


def test_a_stopped_gradient_is_found_though_the_outputs_match(mutant):
    twins = mutant("return self.LayerNorm(embeddings)", "return self.LayerNorm(tf.stop_gradient(embeddings))")
    report = diffcheck.diff(twins.torch, twins.tf, twins.inputs, Options(gradients=True))
    assert report.outputs.matches
    assert not report.matches
    names = [result.path for result in report.backward[0].gradients.failures]
    assert names == ["embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight"]
    assert "missing from the candidate" in "\n".join(report.sentences())


def square_layers():
    """A square layer whose weights are all alike: the numbers do not tell which way round the kernel lies."""
    torch = pytest.importorskip("torch")
    import keras

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.dense = torch.nn.Linear(4, 4)
            torch.nn.init.constant_(self.dense.weight, 0.5)

        def forward(self, x):
            return {"y": self.dense(x)}

    class Port(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4, kernel_initializer=keras.initializers.Constant(0.5), name="dense")

        def call(self, x):
            return {"y": self.dense(x)}

    x = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    model, port = Model(), Port()
    port(x)
    port.dense.bias.assign(model.dense.bias.detach().numpy())
    return model, port, {"x": x}


def test_gradients_of_a_square_weight_are_compared_in_the_order_that_the_port_knows():
    (guessed,) = diffcheck.diff(*square_layers(), Options(gradients=True)).backward
    assert [result.path for result in guessed.gradients.failures] == ["dense.weight"]
    known = Options(gradients=True, axes=lambda port: {"dense.weight": (1, 0)})
    (found,) = diffcheck.diff(*square_layers(), known).backward
    assert found.matches, found.sentences()


def batch_norms(momentum):
    torch = pytest.importorskip("torch")
    import keras

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = torch.nn.BatchNorm1d(4, momentum=0.1)
            self.drop = torch.nn.Dropout(0.5)

        def forward(self, x):
            return {"y": self.drop(self.norm(x))}

    class Port(keras.Model):
        def __init__(self):
            super().__init__()
            self.norm = keras.layers.BatchNormalization(epsilon=1e-5, momentum=momentum, name="norm")
            self.drop = keras.layers.Dropout(0.5, name="drop")

        def call(self, x, training=False):
            return {"y": self.drop(self.norm(x, training=training), training=training)}

    x = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    port = Port()
    port(x)
    return Model(), port, {"x": x}


def test_batch_norm_momentum_shows_only_in_training():
    model, port, inputs = batch_norms(momentum=0.1)  # Keras counts the other way round: 0.9 is right
    report = diffcheck.diff(model, port, inputs, Options(training=True))
    assert report.outputs.matches
    failed = [result.path for result in report.backward[0].statistics.failures]
    assert failed == ["norm.running_mean", "norm.running_var"]
    assert np.array_equal(port.norm.moving_mean.numpy(), np.zeros(4))


def test_dropout_is_forced_off_on_both_sides():
    model, port, inputs = batch_norms(momentum=0.9)
    (found,) = backward_of(model, port, inputs)
    assert found.training
    assert [result.path for result in found.gradients.failures] == []
    assert found.loss.matches
    assert (model.drop.p, port.drop.rate) == (0.5, 0.5)
    assert not found.statistics.tensors[0].failures, "one step, not two"
    assert found.statistics.tensors[0].path == "norm.running_mean"
    with without_dropout([model.drop, port.drop]):
        assert (model.drop.p, port.drop.rate) == (0.0, 0.0)


def backward_of(model, port, inputs):
    return diffcheck.diff(model, port, inputs, Options(training=True)).backward
