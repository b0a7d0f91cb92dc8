"""Products of flattened rows become products of the tensor itself, with merged heads too, and compute the same."""

import numpy as np
import pytest

onnx_ir = pytest.importorskip("onnx_ir")
onnxruntime = pytest.importorskip("onnxruntime")
torch = pytest.importorskip("torch")


class Flattened(torch.nn.Module):
    """Two products as GPT-2 writes them, the first of merged heads."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Parameter(torch.randn(8, 8))
        self.second = torch.nn.Parameter(torch.randn(8, 3))
        self.bias = torch.nn.Parameter(torch.randn(8))
        self.other = torch.nn.Parameter(torch.randn(3))

    def forward(self, heads):
        rows = heads.reshape(*heads.shape[:-2], -1)
        made = torch.addmm(self.bias, rows.view(-1, 8), self.first).view(*rows.shape[:-1], 8).tanh()
        return torch.addmm(self.other, made.view(-1, 8), self.second).view(*made.shape[:-1], 3)


@pytest.mark.filterwarnings("ignore")
def test_they_compute_the_same_without_reshaping(tmp_path):
    from porter.export.onnx.flattened_products import unflatten_products

    model, heads = Flattened().eval(), torch.randn(2, 5, 4, 2)
    shapes = ({0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO},)
    made = torch.onnx.export(model, (heads,), dynamic_shapes=shapes, verbose=False).model
    assert sum(node.op_type == "Gemm" for node in made.graph) == 2
    assert unflatten_products(made) == 2
    assert [node.op_type for node in made.graph if node.op_type in ("Gemm", "MatMul")] == ["MatMul", "MatMul"]
    onnx_ir.save(made, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    for size in ((2, 5), (3, 1)):
        given = torch.randn(*size, 4, 2)
        (found,) = session.run(None, {session.get_inputs()[0].name: given.numpy()})
        np.testing.assert_allclose(found, model(given).detach().numpy(), atol=1e-5)
