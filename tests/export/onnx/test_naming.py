"""Names of axes in an exported graph, and sizes that only look as if they could change."""

import pytest

from porter.export.onnx.naming import name_axes

ir = pytest.importorskip("onnx_ir")


@pytest.fixture
def model():
    """`sum` of two inputs, with sizes as PyTorch's exporter writes them: a size that became a number may be text."""
    ids, mask = (
        ir.Value(name=name, type=ir.TensorType(ir.DataType.INT64), shape=ir.Shape(sizes))
        for name, sizes in (("ids", ["s1", "s2", "7"]), ("mask", ["s1", "2*s2", 7]))
    )
    node = ir.node("Add", [ids, mask])
    node.outputs[0].name, node.outputs[0].shape = "sum", ir.Shape(["s1", "s2", "7"])
    return ir.Model(ir.Graph([ids, mask], node.outputs, nodes=[node], opset_imports={"": 18}), ir_version=10)


def sizes(value):
    return [size if isinstance(size, int) else size.value for size in value.shape]


def test_symbols_are_called_as_the_axes_are_everywhere(model):
    name_axes(model, {"ids": {0: "batch", 1: "sequence"}})
    assert sizes(model.graph.outputs[0])[:2] == ["batch", "sequence"]
    assert sizes(model.graph.inputs[1])[:2] == ["batch", "2*sequence"]


def test_a_size_that_the_code_made_a_number_is_no_axis_that_changes(model):
    name_axes(model, {"ids": {0: "batch", 2: "frames"}, "mask": {2: "frames"}})
    for value in (*model.graph.inputs, *model.graph.outputs):
        assert sizes(value)[2] == 7
