"""Rules for decompositions and equations of matrices."""

from __future__ import annotations

from porter.rulebook import Call, rule

rule(
    "torch.linalg.cholesky(A)",
    to="tf.linalg.cholesky(A)",
    cases={"torch.linalg.cholesky(tri @ tri.mT)": "tf.linalg.cholesky(tri @ tf.linalg.matrix_transpose(tri))"},
)
rule(
    "torch.linalg.det(A)",
    "torch.det(A)",
    "torch.Tensor.det(A)",
    to="tf.linalg.det(A)",
    cases={"torch.det(tri)": "tf.linalg.det(tri)"},
)
rule(
    "torch.logdet(input)",
    to="tf.math.log(tf.linalg.det(input))",
    cases={"torch.logdet(tri @ tri.mT)": "tf.math.log(tf.linalg.det(tri @ tf.linalg.matrix_transpose(tri)))"},
)
rule(
    "torch.linalg.slogdet(A)",
    "torch.slogdet(A)",
    "torch.Tensor.slogdet(A)",
    to="tf.linalg.slogdet(A)",
    cases={"torch.slogdet(tri)": "tf.linalg.slogdet(tri)"},
)
rule(
    "torch.linalg.qr(A)",
    "torch.qr(A)",
    to="tf.linalg.qr(A)",
    cases={"torch.linalg.qr(tri)": "tf.linalg.qr(tri)"},
)
rule(
    "torch.linalg.pinv(A)",
    "torch.pinverse(A)",
    to="tf.linalg.pinv(A)",
    cases={"torch.linalg.pinv(w)": "tf.linalg.pinv(w)"},
)
rule(
    "torch.linalg.svdvals(A)",
    to="tf.linalg.svd(A, compute_uv=False)",
    cases={"torch.linalg.svdvals(w)": "tf.linalg.svd(w, compute_uv=False)"},
)
rule(
    "torch.linalg.eigvalsh(A)",
    to="tf.linalg.eigvalsh(A)",
    cases={"torch.linalg.eigvalsh(tri @ tri.mT)": "tf.linalg.eigvalsh(tri @ tf.linalg.matrix_transpose(tri))"},
)
rule(
    "torch.linalg.matrix_exp(A)",
    "torch.matrix_exp(A)",
    to="tf.linalg.expm(A)",
    cases={"torch.matrix_exp(tri)": "tf.linalg.expm(tri)"},
)


@rule(
    "torch.linalg.solve(A, B)",
    cases={
        "torch.linalg.solve(tri, v.t())": "tf.linalg.solve(tri, tf.transpose(v))",
        "torch.linalg.solve(tri, v2)": "tf.squeeze(tf.linalg.solve(tri, tf.expand_dims(v2, -1)), -1)",
    },
)
def solve(call: Call) -> str:
    """TensorFlow's right side is a matrix."""
    matrix, right = call.A.node_code, call.B.node_code
    if call.B.rank() == 1:
        return f"tf.squeeze(tf.linalg.solve({matrix}, tf.expand_dims({right}, -1)), -1)"
    return f"tf.linalg.solve({matrix}, {right})"


rule(
    "torch.dist(input, other, p=2)",
    to="tf.norm(input - other, ord=p)",
    cases={"torch.dist(x, y)": "tf.norm(x - y)", "torch.dist(x, y, 1)": "tf.norm(x - y, ord=1)"},
)
rule(
    "torch.diagflat(input)",
    to="tf.linalg.diag(flatten(input))",
    cases={"torch.diagflat(w)": "tf.linalg.diag(flatten(w))"},
)


@rule("torch.block_diag(*tensors)", cases={"torch.block_diag(v, w)": "block_diag(v, w)"})
def block_diag(call: Call) -> str:
    """Matrices along the diagonal of one."""
    return f"block_diag({', '.join(('*' if arg.starred else '') + arg.node_code for arg in call.variadic)})"


def _triangle(name: str) -> None:
    rule(
        f"torch.{name}_indices(row, col, offset=0, *, dtype=None, device=None, layout=None)",
        to=f"{name}_indices(row, col, offset)",
        cases={
            f"torch.{name}_indices(3, 4, 1)": f"{name}_indices(3, 4, 1)",
            f"torch.{name}_indices(4, 3, offset=-1)": f"{name}_indices(4, 3, -1)",
        },
    )


_triangle("triu")
_triangle("tril")
