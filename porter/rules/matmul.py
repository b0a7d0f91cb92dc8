"""Rules for products of matrices."""

from __future__ import annotations

import ast
from dataclasses import replace

from porter.rulebook import Arg, Call, expression, rule
from porter.rules.casting import promoted


def product(left: str, right: str) -> str:
    """tf.matmul, with transpose_b instead of a transposed copy."""
    inner = _transposed_last(right)
    return f"tf.matmul({left}, {inner}, transpose_b=True)" if inner else f"tf.matmul({left}, {right})"


def _transposed_last(code: str) -> str | None:
    """What stands inside a transposition of the last two axes."""
    tree = ast.parse(f"({code})", mode="eval").body
    if not isinstance(tree, ast.Call) or len(tree.args) != 1:
        return None
    function = ast.unparse(tree.func)
    if function == "tf.linalg.matrix_transpose":
        return ast.unparse(tree.args[0])
    if function != "tf.transpose":
        return None
    if not tree.keywords:
        return ast.unparse(tree.args[0])
    try:
        perm = ast.literal_eval(tree.keywords[0].value)
    except ValueError:
        return None
    rank = len(perm)
    swapped = rank >= 2 and list(perm) == [*range(rank - 2), rank - 1, rank - 2]
    return ast.unparse(tree.args[0]) if swapped else None


def _rank(arg: Arg) -> int | None:
    return arg.fact.rank if arg.fact is not None else None


@rule(
    "torch.matmul(input, other)",
    "torch.Tensor.matmul(input, other)",
    "torch.Tensor.__matmul__(input, other)",
    "torch.bmm(input, other)",
    "torch.Tensor.bmm(input, other)",
    "torch.mm(input, other)",
    "torch.Tensor.mm(input, other)",
    "torch.spmm(input, other)",
    "torch.sparse.mm(input, other)",
    "torch.linalg.matmul(input, other)",
    cases={
        "torch.matmul(x, y.transpose(-1, -2))": "tf.matmul(x, y, transpose_b=True)",
        "torch.bmm(x, y.transpose(1, 2))": "tf.matmul(x, y, transpose_b=True)",
        "torch.matmul(x, v4)": "tf.linalg.matvec(x, v4)",
        "torch.matmul(v4, w.t())": "tf.linalg.matvec(w, v4)",
        "torch.matmul(v4, v4)": "tf.tensordot(v4, v4, axes=1)",
        "torch.matmul(x, w.t())": "tf.matmul(x, w, transpose_b=True)",
        "torch.spmm(w, w.t())": "tf.matmul(w, w, transpose_b=True)",
    },
)
def matmul(call: Call) -> str:
    """TensorFlow has functions of their own for vectors."""
    left, right = promoted(call, call.input, call.other)
    ranks = (_rank(call.input), _rank(call.other))
    if ranks == (1, 1):
        return f"tf.tensordot({left}, {right}, axes=1)"
    if ranks[1] == 1:
        return f"tf.linalg.matvec({left}, {right})"
    if ranks[0] == 1:
        inner = _transposed_last(right)
        return (
            f"tf.linalg.matvec({inner}, {left})" if inner else f"tf.linalg.matvec({right}, {left}, transpose_a=True)"
        )
    return product(left, right)


rule(
    "torch.mv(input, vec)",
    "torch.Tensor.mv(input, vec)",
    to="tf.linalg.matvec(input, vec)",
    cases={"torch.mv(w, v4)": "tf.linalg.matvec(w, v4)"},
)
rule(
    "torch.inner(input, other)",
    to="tf.tensordot(input, other, axes=[[-1], [-1]])",
    cases={
        "torch.inner(v4, v4)": "tf.tensordot(v4, v4, axes=[[-1], [-1]])",
        "x.inner(w)": "tf.tensordot(x, w, axes=[[-1], [-1]])",
    },
)
rule(
    "torch.dot(input, tensor)",
    "torch.Tensor.dot(input, tensor)",
    to="tf.tensordot(input, tensor, axes=1)",
    cases={"torch.dot(v4, v4)": "tf.tensordot(v4, v4, axes=1)"},
)


@rule(
    "torch.baddbmm(input, batch1, batch2, *, beta=1, alpha=1, out=None)",
    "torch.Tensor.baddbmm(input, batch1, batch2, *, beta=1, alpha=1, out=None)",
    "torch.addmm(input, batch1, batch2, *, beta=1, alpha=1, out=None)",
    "torch.Tensor.addmm(input, batch1, batch2, *, beta=1, alpha=1, out=None)",
    cases={
        "torch.baddbmm(s, x, y.transpose(1, 2))": "s + tf.matmul(x, y, transpose_b=True)",
        "torch.baddbmm(s, x, y.mT, beta=0.5, alpha=2.0)": "0.5 * s + 2.0 * tf.matmul(x, y, transpose_b=True)",
        "torch.baddbmm(s, x, y.mT, beta=0, alpha=2.0)": "2.0 * tf.matmul(x, y, transpose_b=True)",
    },
)
def scaled_sum(call: Call) -> str:
    """With beta=0 PyTorch does not read the summand at all."""
    added = product(call.batch1.node_code, call.batch2.node_code)
    if call.given("alpha"):
        added = f"{call.alpha} * {added}"
    if not call.given("beta"):
        return f"{call.input} + {added}"
    if call.beta.is_literal() and call.beta.const() == 0:
        return added
    return f"{call.beta} * {call.input} + {added}"


@rule(
    "torch.einsum(equation, *operands)",
    cases={
        'torch.einsum("bld,bmd->blm", x, y)': 'tf.einsum("bld,bmd->blm", x, y)',
        'torch.einsum("b l d, l d -> b l", x, w)': 'tf.einsum("bld,ld->bl", x, w)',
        'torch.einsum("bld,bmd->blm", (x, y))': 'tf.einsum("bld,bmd->blm", x, y)',
    },
)
def einsum(call: Call) -> str:
    """TensorFlow's equations have no spaces."""
    equation = call.equation.node_code
    if call.equation.is_literal():
        equation = '"' + str(call.equation.const()).replace(" ", "") + '"'
    given = list(call.variadic)
    if len(given) == 1 and (given[0].is_a("tuple") or given[0].is_a("list")):  # as PyTorch once took them
        elements = given[0].elements()
        given = list(elements) if elements is not None else [replace(given[0], starred=True)]
    operands = ", ".join(("*" if arg.starred else "") + arg.node_code for arg in given)
    return f"tf.einsum({equation}, {operands})"


rule(
    "torch.tensordot(a, b, dims=2)",
    to="tf.tensordot(a, b, dims)",
    cases={"torch.tensordot(x, w, 2)": "tf.tensordot(x, w, 2)"},
)


@rule(
    "torch.diag(input, diagonal=0)",
    "torch.Tensor.diag(input, diagonal=0)",
    cases={
        "torch.diag(v4)": "tf.linalg.diag(v4)",
        "torch.diag(w)": "tf.linalg.diag_part(w)",
        "w.diag(1)": "tf.linalg.diag_part(w, k=1)",
        "torch.diag(v4, -1)": "tf.linalg.diag(v4, k=-1)",
    },
)
def diag(call: Call) -> str:
    """Of a vector the matrix that has it for a diagonal, of a matrix its diagonal."""
    function = "tf.linalg.diag_part" if call.input.rank() == 2 else "tf.linalg.diag"
    offset = f", k={call.diagonal.node_code}" if call.given("diagonal") else ""
    return f"{function}({call.input.node_code}{offset})"


rule(
    "torch.diag_embed(input)",
    "torch.Tensor.diag_embed(input)",
    to="tf.linalg.diag(input)",
    cases={"torch.diag_embed(x)": "tf.linalg.diag(x)"},
)
rule(
    "torch.Tensor.diagonal(input, offset=0, dim1=0, dim2=1)",
    "torch.diagonal(input, offset=0, dim1=0, dim2=1)",
    to="tf.experimental.numpy.diagonal(input, offset=offset, axis1=dim1, axis2=dim2)",
    cases={"x.diagonal(dim1=-2, dim2=-1)": "tf.experimental.numpy.diagonal(x, axis1=-2, axis2=-1)"},
)


@rule(
    "torch.tril(input, diagonal=0)",
    "torch.Tensor.tril(input, diagonal=0)",
    cases={"torch.tril(x)": "tf.linalg.band_part(x, -1, 0)", "x.tril(diagonal=-1)": "tril(x, -1)"},
)
def tril(call: Call) -> str:
    """tf.linalg.band_part always keeps the main diagonal."""
    if call.diagonal.is_literal() and call.diagonal.const() == 0:
        return f"tf.linalg.band_part({call.input.node_code}, -1, 0)"
    return f"tril({call.input.node_code}, {call.diagonal.node_code})"


@rule(
    "torch.triu(input, diagonal=0)",
    "torch.Tensor.triu(input, diagonal=0)",
    cases={"torch.triu(x)": "tf.linalg.band_part(x, 0, -1)", "x.triu(1)": "triu(x, 1)"},
)
def triu(call: Call) -> str:
    """tf.linalg.band_part always keeps the main diagonal."""
    if call.diagonal.is_literal() and call.diagonal.const() == 0:
        return f"tf.linalg.band_part({call.input.node_code}, 0, -1)"
    return f"triu({call.input.node_code}, {call.diagonal.node_code})"


@rule(
    "torch.linalg.solve_triangular(A, B, *, upper, left=True, unitriangular=False)",
    cases={
        "torch.linalg.solve_triangular(tri, v.t(), upper=False)": (
            "tf.linalg.triangular_solve(tri, tf.transpose(v), lower=True)"
        ),
        "torch.linalg.solve_triangular(hollow, v.t(), upper=False, unitriangular=True)": (
            "tf.linalg.triangular_solve("
            "tf.linalg.set_diag(hollow, tf.ones_like(tf.linalg.diag_part(hollow))), tf.transpose(v), lower=True)"
        ),
    },
)
def solve_triangular(call: Call) -> str:
    """A diagonal that PyTorch takes for ones, whatever it holds, is set to ones."""
    upper = call.upper.value()
    if call.given("left") and call.left.value() is not True:
        call.unknown("only equations A X = B are covered")
    matrix = call.A.node_code
    if call.given("unitriangular") and call.unitriangular.value():
        matrix = f"tf.linalg.set_diag({matrix}, tf.ones_like(tf.linalg.diag_part({matrix})))"
    return f"tf.linalg.triangular_solve({matrix}, {call.B.node_code}, lower={not upper})"


rule(
    "torch.linalg.inv(A)",
    "torch.inverse(A)",
    to="tf.linalg.inv(A)",
    cases={"torch.linalg.inv(tri)": "tf.linalg.inv(tri)"},
)
rule("torch.trace(input)", to="tf.linalg.trace(input)", cases={"torch.trace(tri)": "tf.linalg.trace(tri)"})
rule(
    "torch.cross(input, other, dim=-1)",
    "torch.linalg.cross(input, other, dim=-1)",
    to="tf.linalg.cross(input, other)",
    cases={"torch.cross(a3, b3, dim=-1)": "tf.linalg.cross(a3, b3)"},
)
rule(
    "torch.cdist(x1, x2, p=2.0)",
    to="cdist(x1, x2)",
    cases={"torch.cdist(x, y)": "cdist(x, y)"},
)
expression(
    "torch.linalg.lstsq($a, $b).solution",
    "torch.linalg.lstsq($a, $b)[0]",
    to="tf.linalg.lstsq($a, $b, fast=False)",
    cases={
        "x = x + torch.linalg.lstsq(torch.eye(8) * 2, torch.ones(8, 1)).solution.sum()": (
            "x = x + tf.reduce_sum(tf.linalg.lstsq(tf.eye(8) * 2, tf.ones((8, 1)), fast=False))"
        ),
    },
    doc="Of what PyTorch gives only the solution; the rest says how it was found.",
)
