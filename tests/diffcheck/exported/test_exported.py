"""ONNX files and SavedModels as the candidate: outputs, modules by the names of operations, the wrong operation."""

from types import SimpleNamespace

import numpy as np
import pytest

import diffcheck
from diffcheck.exported import NotAnExport, diff_export
from diffcheck.exported.graph import GraphCall, Node, Port, calls_of, module_of
from diffcheck.exported.matching import Matcher, fit, match_inputs
from diffcheck.record.recording import ModuleCall
from diffcheck.record.storage import load, save
from diffcheck.record.values import Flattened, TensorValue

MODULE = "encoder.layer.1"
SUM = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture(scope="module")
def exports(tmp_path_factory, new_twins):
    """The tiny model, its run, and its ONNX files by both of PyTorch's exporters."""
    pytest.importorskip("onnxruntime")
    return Exports(tmp_path_factory.mktemp("exports"), new_twins())


class Exports:
    def __init__(self, folder, twins):
        self.folder, self.model, self.inputs = folder, twins.torch, twins.inputs
        self.reference = diffcheck.record_torch(self.model, self.inputs)
        self.files = {"dynamo": folder / "dynamo.onnx", "torchscript": folder / "torchscript.onnx"}
        for exporter, file in self.files.items():
            export(self.model, self.inputs, file, exporter == "dynamo")

    def diff(self, file):
        return diff_export(self.reference, file, model=self.model)

    def mutated(self, exporter, change):
        """A copy of a file with one operation of layer 1 changed."""
        import onnx

        model = onnx.load(self.files[exporter])
        own = [
            node
            for node in model.graph.node
            if "layer.1/" in node.name or any("layer.1'" in entry.value for entry in node.metadata_props)
        ]
        change(own)
        file = self.folder / f"{exporter}-{change.__name__}.onnx"
        onnx.save(model, file)
        return file


def export(model, inputs, file, dynamo):
    import warnings

    import torch

    tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter says that it is older
        torch.onnx.export(
            model, tuple(tensors.values()), file, input_names=list(inputs), dynamo=dynamo, verbose=False,
            output_names=["last_hidden_state", "pooler_output"],
        )  # fmt: skip


def tanh_gelu(nodes):
    import onnx

    node = next(node for node in nodes if node.op_type == "Gelu")
    del node.attribute[:]
    node.attribute.append(onnx.helper.make_attribute("approximate", "tanh"))


def softmax_axis(nodes):
    next(node for node in nodes if node.op_type == "Softmax").attribute[0].i = 2


def epsilon(nodes):
    node = next(node for node in nodes if node.op_type == "LayerNormalization")
    next(attribute for attribute in node.attribute if attribute.name == "epsilon").f = 1e-3


def subtracted_residual(nodes):
    norm = next(node for node in nodes if node.op_type == "LayerNormalization")
    next(node for node in nodes if norm.input[0] in node.output).op_type = "Sub"


PLANTED = {
    tanh_gelu: ("intermediate.intermediate_act_fn", "Gelu(", "nn.GELU()"),
    softmax_axis: ("attention.self", "Softmax(", "torch.softmax"),
    epsilon: ("attention.output.LayerNorm", "epsilon=0.001", "nn.LayerNorm"),
    subtracted_residual: ("attention.output", "Sub(", "hidden_states + input_tensor"),
}


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_a_true_export_matches_and_its_modules_are_compared(exports, exporter):
    report = exports.diff(exports.files[exporter])
    assert report.matches
    assert {tensor.path for tensor in report.outputs.tensors} == {"last_hidden_state", "pooler_output"}
    compared = {module.path for module in report.modules if module.alone}
    # Positions are constant, so the exporters look them up themselves.
    missing = {module.path for module in report.modules} - compared
    assert missing == {"embeddings.position_embeddings"}
    assert "embeddings.position_embeddings" in " ".join(report.notes)


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
@pytest.mark.parametrize("change", PLANTED)
def test_a_planted_mistake_is_found_in_its_module_and_operation(exports, exporter, change):
    report = exports.diff(exports.mutated(exporter, change))
    path, operation, statement = PLANTED[change]
    assert not report.matches
    assert report.origin.path == f"{MODULE}.{path}"
    assert operation in report.origin.tf.text
    assert statement in report.origin.torch.text
    origin = next(module for module in report.modules if module.verdict == "origin")
    assert origin.float64.is_bug
    assert "ONNX" in "\n".join(report.sentences())


def test_without_the_model_a_saved_run_will_do(exports, tmp_path):
    save(exports.reference, tmp_path / "pytorch.rec")
    stored = load(tmp_path / "pytorch.rec")
    assert diff_export(stored, exports.files["dynamo"]).matches
    report = diff_export(stored, exports.mutated("dynamo", tanh_gelu))
    assert report.origin.path == f"{MODULE}.intermediate.intermediate_act_fn"


def test_a_weight_with_other_values_is_named(exports):
    import onnx
    from onnx import numpy_helper

    model = onnx.load(exports.files["dynamo"])
    name = "encoder.layer.1.output.dense.bias"
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    tensor.CopyFrom(numpy_helper.from_array(2 * numpy_helper.to_array(tensor), name))
    onnx.save(model, exports.folder / "weight.onnx")
    report = exports.diff(exports.folder / "weight.onnx")
    assert report.origin.path == "encoder.layer.1.output.dense"
    assert f"1 weight has other values in the file: {name}" in report.notes


def test_what_is_no_export_is_one_sentence(exports, tmp_path):
    (tmp_path / "text.onnx").write_text("no model")
    cut = exports.files["dynamo"].read_bytes()
    (tmp_path / "cut.onnx").write_bytes(cut[: len(cut) // 2])
    (tmp_path / "folder").mkdir()
    for name in ("text.onnx", "cut.onnx", "folder", "nothing"):
        with pytest.raises(NotAnExport, match=name):
            diff_export(exports.reference, tmp_path / name)


def test_inputs_of_other_sizes_are_refused_with_the_sizes(exports):
    longer = {name: np.concatenate([value, value], 1) for name, value in exports.inputs.items()}
    reference = diffcheck.record_torch(exports.model, longer)
    with pytest.raises(NotAnExport, match=r"input_ids has shape \[2, 14\], the file takes \[2, 7\]"):
        diff_export(reference, exports.files["dynamo"])


def test_inputs_are_cut_or_repeated_to_fixed_sizes():
    ports = [Port("a", "a", "int64", (2, 3)), Port("b", "b", "int64", (None, 5))]
    fitted = fit(ports, {"a": np.arange(4).reshape(1, 4), "b": np.arange(4).reshape(1, 4)})
    assert fitted["a"].tolist() == [[0, 1, 2], [0, 1, 2]]
    assert fitted["b"].tolist() == [[0, 1, 2, 3, 0]]


def test_inputs_pair_by_name_then_by_order():
    ports = [Port("x.1", "x.1", "int64", (None, None)), Port("mask", "mask", "int64", None)]
    given = {"mask": np.ones((1, 2), np.int64), "input_ids": np.ones((1, 2), np.int64)}
    assert match_inputs(ports, given) == {"mask": "mask", "x.1": "input_ids"}
    with pytest.raises(NotAnExport, match=r"x\.1"):
        match_inputs(ports, {"mask": given["mask"]})


def test_names_spell_modules():
    known = {"", "encoder", "encoder.layer", "encoder.layer.0", "encoder.layer.0.dense_1"}
    assert module_of(("encoder", "layer", "0", "Tensordot"), known) == "encoder.layer.0"
    assert module_of(("call", "model_1", "bert_1", "encoder_1", "layer.0_1", "dense_1_1"), known) == (
        "encoder.layer.0.dense_1"
    )
    assert module_of(("encoder", "layer_._0"), known) == "encoder.layer.0"
    assert module_of(("elsewhere",), known) == ""


def test_a_module_called_twice_is_two_calls():
    nodes = [
        Node("a", "Mul", ("shared",), ("x",), ("t",)),
        Node("b", "Add", (), ("t",), ("u",)),
        Node("c", "Mul", ("shared",), ("u",), ("y",)),
    ]
    ports = ([Port("x", "x", "float32", None)], [Port("y", "y", "float32", None)])
    graph = SimpleNamespace(nodes=nodes, inputs=ports[0], outputs=ports[1])
    calls = [(call.path, call.number, call.inputs, call.outputs) for call in calls_of(graph, {"shared"})]
    assert calls == [("", 0, ("x",), ("y",)), ("shared", 0, ("x",), ("t",)), ("shared", 1, ("u",), ("y",))]


@pytest.fixture
def saved(twins, tmp_path):
    """Writes the TensorFlow twin as a SavedModel."""
    import keras
    import tensorflow as tf

    twins.tf(**twins.inputs)

    def write():
        archive = keras.export.ExportArchive()
        archive.track(twins.tf)
        names = [tf.TensorSpec((None, None), tf.int64, name=name) for name in twins.inputs]
        archive.add_endpoint("serving_default", twins.tf.call, input_signature=names)
        archive.write_out(tmp_path / "saved", verbose=False)
        return tmp_path / "saved"

    return write


def test_a_saved_model_matches(twins, saved):
    reference = diffcheck.record_torch(twins.torch, twins.inputs)
    report = diff_export(reference, saved(), model=twins.torch)
    assert report.matches
    assert {f"{MODULE}.attention.self.query", "pooler"} <= {m.path for m in report.modules if m.alone}


def test_texts_in_a_saved_model_are_no_obstacle(twins, tmp_path):
    import tensorflow as tf

    twins.tf(**twins.inputs)
    module = tf.Module()
    module.inner = twins.tf
    names = {name: tf.TensorSpec((None, None), tf.int64, name=name) for name in twins.inputs}
    label = tf.constant("text")
    module.serve = tf.function(lambda **given: {**twins.tf(**given), "label": label}, autograph=False)
    signature = module.serve.get_concrete_function(**names)
    tf.saved_model.save(module, tmp_path / "saved", signatures={"serving_default": signature})
    report = diff_export(diffcheck.record_torch(twins.torch, twins.inputs), tmp_path / "saved", model=twins.torch)
    assert report.matches
    assert "not compared: label (of the file)" in "\n".join(report.sentences())


def test_a_mistake_in_a_saved_model_is_found(twins, saved):
    twins.tf.tiny.encoder.layer[1].intermediate.approximate = True
    reference = diffcheck.record_torch(twins.torch, twins.inputs)
    report = diff_export(reference, saved(), model=twins.torch)
    assert report.origin.path == f"{MODULE}.intermediate"
    origin = next(module for module in report.modules if module.verdict == "origin")
    assert origin.float64.is_bug
    assert "SavedModel" in "\n".join(report.sentences())


def test_whole_files_in_float64_too(exports, twins, saved):
    reference = exports.reference
    report = diff_export(reference, exports.files["dynamo"], model=exports.model, float64=True)
    # The square root in the attention's scale was rounded to float32 when the file was written.
    assert report.float64.double < 1e-7 < report.float64.single
    assert not report.float64.is_bug
    report = diff_export(reference, exports.mutated("dynamo", tanh_gelu), model=exports.model, float64=True)
    assert report.float64.is_bug
    reference = diffcheck.record_torch(twins.torch, twins.inputs)
    report = diff_export(reference, saved(), model=twins.torch, float64=True)
    assert report.float64.double < 1e-8 < report.float64.single


def test_a_node_that_lost_its_name_belongs_to_the_module_around_it():
    nodes = [
        Node("a", "MatMul", ("block", "dense"), ("x",), ("t",)),
        Node("split", "Split", None, ("t",), ("u",)),
        Node("b", "Mul", ("block",), ("u",), ("v",)),
        Node("c", "Neg", (), ("v",), ("y",)),
    ]
    ports = ([Port("x", "x", "float32", None)], [Port("y", "y", "float32", None)])
    graph = SimpleNamespace(nodes=nodes, inputs=ports[0], outputs=ports[1])
    calls = {
        (call.path, call.number): (call.inputs, call.outputs) for call in calls_of(graph, {"block", "block.dense"})
    }
    assert calls[("block", 0)] == (("x",), ("v",))
    assert ("block", 1) not in calls


def test_tensors_of_one_shape_are_told_apart():
    zeros, ones, words = (np.full((2, 3), n, np.int64) for n in (0, 1, 7))
    values = {name: TensorValue(array, "int64") for name, array in {"mask": ones, "ids": words}.items()}
    arguments = {"token_types": TensorValue(zeros, "int64"), "mask": TensorValue(ones, "int64")}
    reference = ModuleCall("", "Model", 0, 0, arguments, Flattened({}))
    found = Matcher(values).match([(reference, GraphCall("", 0, (), ("ids", "mask"), ()))], {})
    assert found[0].arguments == {"mask": "mask"}


@pytest.mark.parametrize(
    ("entering", "told"),
    [
        ({"sum": SUM + 1}, {"x": "sum"}),  # wrong, but nothing else can be meant
        ({"part": SUM - 1, "other": np.ones_like(SUM)}, {}),  # a fused operation adds them up itself
        ({"sum": SUM + 1e-6, "other": np.ones_like(SUM)}, {"x": "sum"}),
        ({"sum": SUM + 1, "ids": np.ones((2, 3), np.int64)}, {"x": "sum"}),
    ],
)
def test_what_enters_a_module_is_told_only_where_it_is_certain(entering, told):
    values = {name: TensorValue(array, array.dtype.name) for name, array in entering.items()}
    reference = ModuleCall("norm", "LayerNorm", 0, 0, {"x": TensorValue(SUM, "float32")}, Flattened({}))
    (found,) = Matcher(values).match([(reference, GraphCall("norm", 0, (), tuple(entering), ()))], {})
    assert found.arguments == told


def test_what_is_between_a_fused_operation_and_another_module_is_told():
    nodes = [
        Node("a", "MatMul", ("block", "dense"), ("x",), ("t",)),
        Node("b", "SkipLayerNormalization", ("block", "norm"), ("t", "x", "bias", ""), ("y",), fused=True),
    ]
    graph = SimpleNamespace(
        nodes=nodes, inputs=[Port("x", "x", "float32", None)], outputs=[Port("y", "y", "float32", None)]
    )
    found = {call.path: call.shared for call in calls_of(graph, {"block", "block.dense", "block.norm"})}
    t, x = {"x", "bias"}, {"t", "bias"}  # what is read beside each
    assert found == {"": {}, "block": {"x": x}, "block.dense": {"t": t}, "block.norm": {"t": t, "x": x}}


def test_a_module_that_is_fused_with_the_end_of_another_is_told_no_input_but_its_own():
    reference = ModuleCall("act", "GELU", 0, 0, {"x": TensorValue(SUM, "float32")}, Flattened({}))
    call = GraphCall("act", 0, (), ("t",), (), {"t": frozenset()})
    (found,) = Matcher({"t": TensorValue(SUM - 1, "float32")}).match([(reference, call)], {})
    assert found.arguments == {}


@pytest.mark.parametrize(
    ("made", "unfinished", "told"),
    [(SUM + 1, (), {"": "y"}), (SUM + 1, ("y",), {}), (SUM + 1e-6, ("y",), {"": "y"})],
)
def test_a_module_whose_end_is_fused_into_another_gives_no_result(made, unfinished, told):
    reference = ModuleCall("dense", "Linear", 0, 0, {}, Flattened({"": TensorValue(SUM, "float32")}))
    call = GraphCall("dense", 0, (), (), ("y",), {tensor: frozenset() for tensor in unfinished})
    (found,) = Matcher({"y": TensorValue(made, made.dtype.name)}).match([(reference, call)], {})
    assert found.results == told


LARGE = 1000 * np.arange(6, dtype=np.float32).reshape(2, 3)
RESIDUAL, BIAS = np.array([[1, -1, 2], [0, 1, 1]], np.float32), np.array([0.5, -0.5, 1], np.float32)


@pytest.mark.parametrize(
    ("made", "beside", "told"),
    [
        (LARGE - BIAS, ("bias", "residual", "scale"), {}),  # all of these are within a thousandth of the scale
        (LARGE - RESIDUAL, ("bias", "residual"), {}),
        (LARGE - RESIDUAL - BIAS, ("bias", "residual"), {}),
        (LARGE + 0.1, ("bias", "residual"), {"": "y"}),  # wrong, but no sum is nearer
        (LARGE, ("bias", "residual", "scale"), {"": "y"}),
        (LARGE, (), {"": "y"}),
    ],
)
def test_a_term_of_a_sum_that_a_fused_operation_makes_is_not_the_sum(made, beside, told):
    arrays = {"y": made, "residual": RESIDUAL, "bias": BIAS, "scale": np.ones(2, np.float32)}
    values = {name: TensorValue(array, array.dtype.name) for name, array in arrays.items()}
    expected = TensorValue(LARGE, "float32")
    end = ModuleCall("dense", "Linear", 0, 0, {}, Flattened({"": expected}))
    begin = ModuleCall("norm", "LayerNorm", 0, 0, {"": expected}, Flattened({}))
    shared = {"y": frozenset(beside)}
    (found,) = Matcher(values).match([(end, GraphCall("dense", 0, (), (), ("y",), shared))], {})
    assert found.results == told
    (found,) = Matcher(values).match([(begin, GraphCall("norm", 0, (), ("y",), (), shared))], {})
    assert found.arguments == told


def test_weights_in_a_file_beside_are_widened_too(exports):
    import onnx

    file = exports.folder / "beside.onnx"
    model = onnx.load(exports.files["dynamo"])
    onnx.save(model, file, save_as_external_data=True, location="beside.data", size_threshold=1024)
    report = diff_export(exports.reference, file, model=exports.model, float64=True)
    assert report.matches
    assert report.float64.double < 1e-7
