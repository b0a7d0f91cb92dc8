"""Classes: Keras' bases, the main layer and the model around it, what has no place in the port."""

import ast

import keras


def test_the_classes_of_the_original_in_its_order(tiny):
    written = [node.name for node in ast.parse(tiny.draft.code).body if isinstance(node, ast.ClassDef)]
    original = [node.name for node in ast.parse(tiny.subject.source).body if isinstance(node, ast.ClassDef)]
    assert [name for name in written if name != "TFTinyMainLayer"] == [f"TF{name}" for name in original]
    assert written.index("TFTinyMainLayer") + 1 == written.index("TFTinyModel")


def test_a_subclass_of_a_torch_layer_is_one_of_the_keras_layer(tiny):
    norm = tiny.module().TFTinyNorm
    assert issubclass(norm, keras.layers.LayerNormalization)
    layer = norm(8, eps=0.25)
    layer.build()
    assert (layer.epsilon, tuple(layer.gamma.shape)) == (0.25, (8,))
    assert "super().call(tf.cast(hidden_states, tf.float32))" in tiny.text("TFTinyNorm.call")


def test_the_main_layer_can_be_saved_and_knows_what_it_records(tiny):
    main = tiny.module().TFTinyMainLayer
    assert main.is_main_layer
    assert main.config_class.__name__ == "TinyConfig"
    assert list(main._can_record_outputs) == ["hidden_states"]
    assert "@keras_serializable\nclass TFTinyMainLayer" in tiny.draft.code


def test_heads_hold_the_main_layer_under_pytorchs_name(tiny):
    for model in ("TFTinyModel", "TFTinyForTokenClassification"):
        assert "self.tiny = TFTinyMainLayer(config)" in tiny.text(f"{model}.__init__")


def test_what_only_pytorch_needs_goes(tiny):
    base = tiny.text("TFTinyPreTrainedModel")
    assert "supports_gradient_checkpointing" not in base
    assert 'base_model_prefix = "tiny"' in base


def test_initial_values_are_given_as_in_pytorch(tiny):
    assert "init.copy_(module.start, start_values(self.config.hidden_size))" in tiny.text(
        "TFTinyPreTrainedModel._init_weights"
    )


def test_a_table_of_classes_names_the_ports(tiny):
    assert 'MIXERS = {"scaled": TFTinyScaled, "shifted": TFTinyShifted}' in tiny.draft.code
    assert "self.mixer = MIXERS[" in tiny.text("TFTinyLayer.__init__")
