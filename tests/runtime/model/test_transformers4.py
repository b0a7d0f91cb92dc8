import numpy as np
import pytest

from porter.runtime.model.transformers4 import Stored, empty_groups, stored_names
from porter.runtime.stored.h5_file import H5File, H5Writer

# As stock TensorFlow classes of transformers 4.57 wrote them.
WRITTEN = {
    ("bert", "TFBertForMaskedLM"): {
        "bert/encoder/layer.0/attention/self/query/kernel": Stored(
            "tf_bert_for_masked_lm/bert/encoder/layer_._0/attention/self/query/kernel:0", ("bert",)
        ),
        "bert/embeddings/word_embeddings/embeddings": Stored(
            "tf_bert_for_masked_lm/bert/embeddings/word_embeddings/weight:0", ("bert", "mlm___cls")
        ),
        "cls/predictions/transform/dense/kernel": Stored(
            "tf_bert_for_masked_lm/mlm___cls/predictions/transform/dense/kernel:0", ("mlm___cls",)
        ),
    },
    ("bert", "TFBertModel"): {
        "bert/embeddings/LayerNorm/gamma": Stored("tf_bert_model/bert/embeddings/LayerNorm/gamma:0", ("bert",)),
    },
    ("t5", "TFT5EncoderModel"): {
        "transformer/shared/embeddings": Stored("shared/shared/embeddings:0", ("shared", "encoder")),
        "transformer/encoder/block.1/layer.0/layer_norm/weight": Stored(
            "tft5_encoder_model/encoder/block_._1/layer_._0/layer_norm/weight:0", ("encoder",)
        ),
    },
    ("bart", "TFBartForConditionalGeneration"): {
        "model/shared/embeddings": Stored("model.shared/model.shared/embeddings:0", ("model",)),
        "model/encoder/layers.0/fc1/bias": Stored(
            "tf_bart_for_conditional_generation/model/encoder/layers.0/fc1/bias:0", ("model",)
        ),
        "final_logits_bias": Stored("final_logits_bias:0", ("final_logits_bias",)),
    },
    ("gpt2", "TFGPT2Model"): {
        "transformer/h.0/mlp/c_fc/bias": Stored(
            "tfgpt2_model/transformer/h_._0/mlp/c_fc/bias:0", ("transformer",), is_row=True
        ),
        "transformer/h.0/ln_1/beta": Stored("tfgpt2_model/transformer/h_._0/ln_1/beta:0", ("transformer",)),
    },
    ("vit", "TFViTModel"): {
        "vit/layers.1/attention/o_proj/bias": Stored(
            "tf_vi_t_model/vit/encoder/layer_._1/attention/output/dense/bias:0", ("vit",)
        ),
    },
    ("wav2vec2", "TFWav2Vec2Model"): {
        "wav2vec2/encoder/pos_conv_embed/conv/kernel_direction": Stored(
            "tf_wav2_vec2_model/wav2vec2/encoder/pos_conv_embed/conv/weight_v:0", ("wav2vec2",), as_torch=True
        ),
    },
    ("something_else", "TFSomethingModel"): {
        "model/layers.3/kernel": Stored("tf_something_model/model/layers_._3/kernel:0", ("model",)),
    },
}


@pytest.mark.parametrize("case", WRITTEN, ids=lambda case: case[1])
def test_names_are_those_of_the_stock_classes(case):
    model_type, class_name = case
    assert stored_names(WRITTEN[case], class_name, model_type) == WRITTEN[case]


def test_shapes_in_the_file():
    assert Stored("n:0", ("g",), is_row=True).shape((5,), (5,)) == (1, 5)
    assert Stored("n:0", ("g",), as_torch=True).shape((2, 3, 4), (4, 3, 2)) == (4, 3, 2)
    assert Stored("n:0", ("g",)).shape((3, 2), (2, 3)) == (3, 2)


def test_dropouts_that_are_asked_for():
    from transformers import BertConfig, DistilBertConfig

    config = DistilBertConfig(n_layers=6)
    assert empty_groups("TFDistilBertForSequenceClassification", config) == ("dropout_19",)
    assert empty_groups("TFDistilBertModel", config) == ()
    assert empty_groups("TFBertForSequenceClassification", BertConfig()) == ()


def test_a_group_without_weights_is_written_and_read(tmp_path):
    with H5Writer(tmp_path / "tf_model.h5") as writer:
        writer.add_group("dropout_19")
        writer.add("m/classifier/bias:0", ["classifier"], np.ones(2, np.float32))
    with H5File(tmp_path / "tf_model.h5") as file:
        assert list(file.tensors) == ["classifier/bias:0"]
