"""`training` and `**kwargs`: followed through all calls of the file."""

import ast

from porter.facts.facts import Facts
from porter.rewrite.reading.calls_in_file import analyse
from porter.rewrite.reading.giving import known


def parameters(port, name: str) -> list[str]:
    function = ast.parse(port.text(name)).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert function.args.kwarg is None
    return [argument.arg for argument in function.args.args if argument.arg != "self"]


def test_whoever_drops_out_takes_training(tiny):
    """A function that reads it, a layer that calls that function, the model above: and nobody else."""
    assert parameters(tiny, "softened")[-1] == "training"
    assert parameters(tiny, "TFTinyLayer.call")[-1] == "training"
    assert parameters(tiny, "TFTinyMainLayer.call")[-1] == "training"
    without = ("TFTinyNorm", "TFTinyEmbeddings", "TFTinyScaled", "TFTinyShifted", "TFTinyContainers")
    assert [name for name in without if "training" in parameters(tiny, f"{name}.call")] == []


def test_training_is_handed_down_to_whoever_takes_it(tiny):
    call = tiny.text("TFTinyMainLayer.call")
    assert "layer(hidden_states, attention_mask, training=training)" in call
    assert "self.dropout(self.containers(hidden_states), training=training)" in call
    assert "module.training" not in tiny.text("softened")


def test_keywords_become_what_they_carry(tiny):
    """A keyword read from `**kwargs` is a parameter; the sibling that can stand at the same call accepts it, too."""
    assert parameters(tiny, "TFTinyScaled.call") == ["hidden_states", "factor", "shift"]
    assert parameters(tiny, "TFTinyShifted.call") == ["hidden_states", "shift", "factor"]
    assert "self.mixer(hidden_states, shift=attention_mask, factor=2.0)" in tiny.text("TFTinyLayer.call")


def test_keywords_that_nobody_reads_go(tiny):
    assert parameters(tiny, "TFTinyLayer.call") == ["hidden_states", "attention_mask", "training"]
    assert "kwargs" not in tiny.text("TFTinyLayer.call")


def test_a_default_of_the_reader_stays(tiny):
    assert "self.dense(hidden_states) * (1.0 if factor is None else factor)" in tiny.text("TFTinyScaled.call")


def test_models_take_what_their_users_ask_for(tiny):
    asked = ["output_attentions", "output_hidden_states", "return_dict", "training"]
    for model in ("TFTinyMainLayer", "TFTinyModel", "TFTinyForTokenClassification"):
        assert parameters(tiny, f"{model}.call")[-4:] == asked
        assert "@unpack_inputs\n    def call" in tiny.text(model) or "@unpack_inputs\n    @" in tiny.text(model)
    handed = tiny.text("TFTinyForTokenClassification.call")
    assert "output_hidden_states=output_hidden_states" in handed
    assert "kwargs" not in handed


def test_what_a_model_records_has_its_switch(source, monkeypatch):
    """PyTorch's decorator reads `output_x` for each x that the class records; attentions have the usual switch."""
    recorded = {"hidden_states": None, "cross_attentions": None, "router_logits": None}
    monkeypatch.setattr(source.module.TinyModel, "_can_record_outputs", recorded)
    flow = analyse(known(source, Facts(), {}, {}))
    assert flow.added["TinyModel.forward"] == ("output_attentions", "output_hidden_states", "output_router_logits")
