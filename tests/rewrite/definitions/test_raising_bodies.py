"""Methods that cut layers, as pruning of attention heads does, and those that call kernels of PyTorch."""

import pytest

from tests.rewrite.porting import Ported, port
from tests.rewrite.summed_model import summed_model

CLASSES = '''
from transformers.modeling_flash_attention_utils import _flash_attention_forward
from transformers.pytorch_utils import prune_linear_layer


__all__ = ["SummedModel", "load_tf_weights_in_summed", "plain"]


def load_tf_weights_in_summed(model, path):
    """Reads what TensorFlow wrote."""
    import tensorflow as tf

    for name, _ in tf.train.list_variables(path):
        model.weight.data = torch.from_numpy(tf.train.load_variable(path, name))
    return model


def plain(x):
    return x


class Cut(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layer = nn.Linear(config.hidden_size, config.hidden_size)
        self.cut = set()

    def prune_rows(self, rows: set[int]):
        """Cuts rows out."""
        if len(rows) == 0:
            return
        index = torch.tensor(sorted(rows)).long().contiguous()
        self.layer = prune_linear_layer(self.layer, index)
        self.cut = self.cut.union(rows)

    def forward(self, x):
        return self.layer(x)


class Holder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layers = nn.ModuleList([Cut(config)])

    def _prune_rows(self, rows_by_layer):
        for layer, rows in rows_by_layer.items():
            self.layers[layer].prune_rows(rows)

    def union(self, x, y):
        return x + y

    def fast(self, x):
        return _flash_attention_forward(x, x, x, None, 5, True)

    def fast_or_not(self, x, fast):
        if fast:
            x = _flash_attention_forward(x, x, x, None, 5, True)
        return x

    def _tie_weights(self):
        if self.layers:
            self._tie_or_clone_weights(self.layers[0].layer, self.layers[0].layer)

    def forward(self, x):
        return self.union(self.layers[0](x), x)
'''


@pytest.fixture(scope="module")
def ported(tmp_path_factory: pytest.TempPathFactory) -> Ported:
    folder = tmp_path_factory.mktemp("cut")
    return port(summed_model("cut", CLASSES, {"holder": "Holder"}, "x", folder), folder / "port")


def test_a_method_that_cuts_layers_raises(ported: Ported) -> None:
    assert [text for text in ported.messages("left") if "prune" in text] == []
    said = [text for text in ported.messages("assumed") if "raises NotImplementedError" in text]
    assert sorted(text.partition(" ")[0] for text in said) == ["Cut.prune_rows", "Holder._prune_rows", "Holder.fast"]
    module = ported.module()
    model = module.TFSummedModel(module.TinyConfig())
    model.build()
    for call in (model.holder.layers[0].prune_rows, model.holder._prune_rows):
        with pytest.raises(NotImplementedError, match="keep their shapes"):
            call({0: {1}})


def test_it_keeps_its_docstring_and_others_their_code(ported: Ported) -> None:
    assert '"""Cuts rows out."""' in ported.text("TFCut.prune_rows")
    assert "return x + y" in ported.text("TFHolder.union")
    assert "raise NotImplementedError('Flash attention" in ported.text("TFHolder.fast").replace('"', "'")


def test_what_is_called_on_a_condition_is_left(ported: Ported) -> None:
    (left,) = ported.messages("left")
    assert "_flash_attention_forward has no counterpart" in left
    assert "return x" in ported.text("TFHolder.fast_or_not")


def test_a_method_that_only_ties_has_no_place(ported: Ported) -> None:
    assert any("Holder._tie_weights is not ported" in text for text in ported.messages("assumed"))


def test_a_function_that_reads_tensorflow_has_no_place(ported: Ported) -> None:
    said = "load_tf_weights_in_summed is not ported: it gives PyTorch's model the weights"
    assert any(said in text for text in ported.messages("assumed"))
    assert "load_tf_weights" not in ported.draft.code
    assert '__all__ = ["TFSummedModel", "plain"]' in ported.draft.code
