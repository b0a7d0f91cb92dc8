"""Rules for shapes and views."""

from porter.rules import Call, rule

rule(
    "torch.Tensor.view(input, *shape)",
    "torch.Tensor.reshape(input, *shape)",
    "torch.reshape(input, shape)",
    to="tf.reshape(input, shape)",
    cases={"x.view(2, -1)": "tf.reshape(x, (2, -1))"},
)


@rule(
    "torch.Tensor.transpose(input, dim0, dim1)",
    "torch.transpose(input, dim0, dim1)",
    cases={"x.transpose(1, 2)": "tf.transpose(x, perm=[0, 2, 1])"},
)
def transpose(call: Call) -> str:
    """TensorFlow wants the whole permutation, so the rank must be known."""
    rank = call.input.rank()
    first, second = call.dim0.axis(rank), call.dim1.axis(rank)
    perm = list(range(rank))
    perm[first], perm[second] = perm[second], perm[first]
    return f"tf.transpose({call.input}, perm={perm})"
