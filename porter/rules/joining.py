"""Rules that join tensors and take them apart."""

from __future__ import annotations

from porter.facts.promotion import float_of_several, promoted_dtype
from porter.rulebook import Arg, Call, rule
from porter.rules.casting import cast

rule(
    "torch.unbind(input, dim=0)",
    "torch.Tensor.unbind(input, dim=0)",
    to="tf.unstack(input, axis=dim)",
    cases={"x.unbind(0)": "tf.unstack(x)", "torch.unbind(x, dim=-1)": "tf.unstack(x, axis=-1)"},
)
rule(
    "torch.atleast_1d(input)",
    to="tf.experimental.numpy.atleast_1d(input)",
    cases={"torch.atleast_1d(x)": "tf.experimental.numpy.atleast_1d(x)"},
)


@rule(
    "torch.cat(tensors, dim=0, *, out=None)",
    "torch.concat(tensors, dim=0, *, out=None)",
    "torch.concatenate(tensors, dim=0, *, out=None)",
    cases={
        "torch.cat([x, y], dim=-1)": "tf.concat([x, y], axis=-1)",
        "torch.cat((x, y))": "tf.concat((x, y), axis=0)",
        "torch.cat([x, i2], dim=0)": "tf.concat([x, tf.cast(i2, tf.float32)], axis=0)",
    },
)
def concatenate(call: Call) -> str:
    """TensorFlow wants the axis always, and one dtype."""
    return f"tf.concat({_one_dtype(call.tensors)}, axis={call.dim.node_code})"


@rule(
    "torch.stack(tensors, dim=0, *, out=None)",
    cases={"torch.stack([x, y], dim=1)": "tf.stack([x, y], axis=1)", "torch.stack((x, y))": "tf.stack((x, y))"},
)
def stack(call: Call) -> str:
    """TensorFlow wants one dtype."""
    axis = f", axis={call.dim.node_code}" if call.given("dim") else ""
    return f"tf.stack({_one_dtype(call.tensors)}{axis})"


def _one_dtype(tensors: Arg) -> str:
    parts = tensors.elements()
    facts = tensors.fact.items if tensors.fact is not None else None
    if parts is None or facts is None or any(part.starred for part in parts):
        return tensors.node_code
    wanted = promoted_dtype(facts) or float_of_several(facts)
    if wanted is None or all(fact.dtype == wanted for fact in facts):
        return tensors.node_code
    return f"[{', '.join(cast(part, wanted) for part in parts)}]"


rule(
    "torch.hstack(tensors)",
    "torch.column_stack(tensors)",
    to="tf.experimental.numpy.hstack(tensors)",
    cases={"torch.hstack([x, y])": "tf.experimental.numpy.hstack([x, y])"},
)
rule(
    "torch.vstack(tensors)",
    to="tf.experimental.numpy.vstack(tensors)",
    cases={"torch.vstack([x, y])": "tf.experimental.numpy.vstack([x, y])"},
)


@rule(
    "torch.split(tensor, split_size_or_sections, dim=0)",
    "torch.Tensor.split(tensor, split_size, dim=0)",
    "torch.split_with_sizes(tensor, split_size, dim=0)",
    "torch.Tensor.split_with_sizes(tensor, split_size, dim=0)",
    cases={
        "x.split(2, dim=-1)": "split(x, 2, axis=-1)",
        "torch.split(x, [1, 3], dim=2)": "tf.split(x, [1, 3], axis=2)",
        "x.split([1, 1])": "tf.split(x, [1, 1])",
    },
)
def split(call: Call) -> str:
    """An integer is the size of each part in PyTorch, the number of parts in TensorFlow."""
    name = "split_size" if call.signature.parameter("split_size") else "split_size_or_sections"
    sizes: Arg = getattr(call, name)
    axis = f", axis={call.dim.node_code}" if call.given("dim") else ""
    is_list = sizes.elements() is not None or (
        sizes.fact is not None and sizes.fact.only("list", "tuple", "shape", "tensor")
    )
    return f"{'tf.split' if is_list else 'split'}({call.tensor.node_code}, {sizes.node_code}{axis})"


@rule(
    "torch.chunk(input, chunks, dim=0)",
    "torch.Tensor.chunk(input, chunks, dim=0)",
    cases={"x.chunk(2, dim=-1)": "tf.split(x, 2, axis=-1)", "torch.chunk(x, 2)": "tf.split(x, 2)"},
)
def chunk(call: Call) -> str:
    """tf.split raises an error where the parts would be unequal."""
    axis = f", axis={call.dim.node_code}" if call.given("dim") else ""
    return f"tf.split({call.input.node_code}, {call.chunks.node_code}{axis})"


rule(
    "torch.broadcast_tensors(first, second)",
    to="(tf.broadcast_to(first, tf.broadcast_dynamic_shape(tf.shape(first), tf.shape(second))), "
    "tf.broadcast_to(second, tf.broadcast_dynamic_shape(tf.shape(first), tf.shape(second))))",
    cases={
        "torch.broadcast_tensors(x, w)": (
            "(tf.broadcast_to(x, tf.broadcast_dynamic_shape(tf.shape(x), tf.shape(w))), "
            "tf.broadcast_to(w, tf.broadcast_dynamic_shape(tf.shape(x), tf.shape(w))))"
        )
    },
)
