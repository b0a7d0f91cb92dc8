"""Models inside models, chosen by configuration, come from the files beside."""

import shutil
from pathlib import Path

import pytest
from transformers import BertConfig, CLIPConfig, CLIPTextConfig, DepthAnythingConfig, Dinov2Config

from porter.port.load import import_file
from porter.runtime import TFAutoModel, TFAutoModelForCausalLM, load_backbone
from porter.runtime.model.beside import file_with, main_layer

SMALL = {"vocab_size": 30, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
PORT = """
import keras
from porter.runtime import TFPreTrainedModel

class TF{name}(TFPreTrainedModel):
    config_class = None
"""


@pytest.fixture
def holder(tmp_path) -> str:
    """The path of a port with BERT's beside it."""
    shutil.copyfile(Path(__file__).parents[1] / "modeling_tf_small_bert.py", tmp_path / "modeling_tf_bert.py")
    return str(tmp_path / "modeling_tf_holder.py")


def _add_port(holder: str, name: str) -> None:
    Path(holder).with_name(f"modeling_tf_{name.lower()}.py").write_text(PORT.format(name=name))


def test_a_main_layer_stands_for_the_model(holder):
    layer = TFAutoModel.from_config(BertConfig(**SMALL), beside=holder, name="text")
    assert type(layer).__name__ == "TFBertMainLayer"
    assert layer.name == "text"
    assert not layer.built


def test_a_head_stands_for_itself(holder):
    _add_port(holder, "BertLMHeadModel")
    layer = TFAutoModelForCausalLM.from_config(BertConfig(**SMALL), beside=holder)
    assert type(layer).__name__ == "TFBertLMHeadModel"


def test_a_model_of_the_text_alone_gets_the_text_configuration(holder):
    _add_port(holder, "CLIPModel")
    file = import_file(Path(holder).with_name("modeling_tf_clipmodel.py"))
    config = CLIPConfig()
    assert TFAutoModel.from_config(config, beside=holder).config is config
    text = Path(file.__file__).read_text().replace("= None", "= CLIPTextConfig").replace(
        "import keras", "from transformers import CLIPTextConfig"
    )  # fmt: skip
    Path(file.__file__).write_text(text)
    import_file(Path(file.__file__))
    assert isinstance(TFAutoModel.from_config(config, beside=holder).config, CLIPTextConfig)


def test_a_backbone_has_its_own_configuration(holder):
    _add_port(holder, "Dinov2Backbone")
    inner = Dinov2Config(out_features=["stage1"])
    assert load_backbone(DepthAnythingConfig(backbone_config=inner), beside=holder, name="b").config is inner
    assert load_backbone(inner, beside=holder).config is inner


def test_a_missing_file_is_named(holder):
    with pytest.raises(
        ImportError, match=r"modeling_tf_holder.py needs the port of CLIPTextModel, a file modeling_tf"
    ):
        TFAutoModel.from_config(CLIPTextConfig(), beside=holder)


def test_an_unknown_configuration_is_named(holder):
    config = BertConfig(**SMALL)
    config.model_type = "nothing"
    with pytest.raises(ValueError, match=r"no model for BertConfig \(nothing\)"):
        TFAutoModel.from_config(config, beside=holder)


def test_files_are_found_by_class(holder):
    folder = Path(holder).parent
    assert file_with(folder, "BertModel") == folder / "modeling_tf_bert.py"
    assert file_with(folder, "Bert") is None
    assert main_layer("BertModel") == "TFBertMainLayer"
