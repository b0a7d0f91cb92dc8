"""Rules that read and write by index."""

from __future__ import annotations

from porter.rulebook import Call, rule
from porter.rules.casting import cast, tensor_dtype

rule(
    "torch.index_select(input, dim, index)",
    "torch.Tensor.index_select(input, dim, index)",
    to="tf.gather(input, index, axis=dim)",
    cases={
        "x.index_select(1, v2i)": "tf.gather(x, v2i, axis=1)",
        "torch.index_select(w, dim=0, index=v2i)": "tf.gather(w, v2i, axis=0)",
    },
)


@rule(
    "torch.gather(input, dim, index, *, sparse_grad=False)",
    "torch.Tensor.gather(input, dim, index, *, sparse_grad=False)",
    "torch.take_along_dim(input, indices, dim)",
    "torch.Tensor.take_along_dim(input, indices, dim)",
    cases={
        "v.gather(1, i % 3)": "tf.gather(v, i % 3, axis=1, batch_dims=1)",
        "torch.gather(x, dim=1, index=i3)": "gather_along(x, i3, axis=1)",
        "x.gather(-1, i3)": "tf.gather(x, i3, axis=-1, batch_dims=2)",
    },
)
def gather(call: Call) -> str:
    """tf.gather reads the same along the last axis, where all axes before it agree in size."""
    index = call.index if call.signature.parameter("index") else call.indices
    dims = call.input.fact.dims if call.input.fact is not None else None
    taken = index.fact.dims if index.fact is not None else None
    if dims is not None and taken is not None and isinstance(call.dim.value(), int):
        last = len(dims) - 1
        if call.dim.axis(len(dims)) == last and dims[:-1] == taken[:-1] and None not in dims[:-1] and last > 0:
            code = f"{call.input.node_code}, {index.node_code}"
            return f"tf.gather({code}, axis={call.dim.node_code}, batch_dims={last})"
    return f"gather_along({call.input.node_code}, {index.node_code}, axis={call.dim.node_code})"


def _written(call: Call, name: str) -> str:
    """The new values in the dtype of the tensor they are written into."""
    value = getattr(call, name)
    dtype = tensor_dtype(call.input.fact)
    return cast(value, dtype) if dtype else value.node_code


@rule(
    "torch.scatter(input, dim, index, src=None, value=None, *, reduce=None)",
    "torch.Tensor.scatter(input, dim, index, src=None, value=None, *, reduce=None)",
    cases={
        "x.scatter(1, i3, y)": "scatter(x, i3, y, axis=1)",
        "x.scatter(-1, i3, 1.5)": "scatter(x, i3, 1.5, axis=-1)",
        "x.scatter(dim=1, index=i3, value=2.0)": "scatter(x, i3, 2.0, axis=1)",
    },
)
def scatter(call: Call) -> str:
    """New values at an index along one axis; TensorFlow's scatter wants whole coordinates."""
    if call.given("reduce"):
        call.unknown("a reduction while writing is not covered")
    new = _written(call, "src" if call.given("src") else "value")
    return f"scatter({call.input.node_code}, {call.index.node_code}, {new}, axis={call.dim.node_code})"


@rule(
    "torch.scatter_add(input, dim, index, src)",
    "torch.Tensor.scatter_add(input, dim, index, src)",
    cases={"x.scatter_add(1, i3, y)": "scatter_add(x, i3, y, axis=1)"},
)
def scatter_add(call: Call) -> str:
    """Values of one index add up."""
    new = _written(call, "src")
    return f"scatter_add({call.input.node_code}, {call.index.node_code}, {new}, axis={call.dim.node_code})"


@rule(
    "torch.index_add(input, dim, index, source, *, alpha=1)",
    "torch.Tensor.index_add(input, dim, index, source, *, alpha=1)",
    cases={
        "w.index_add(0, v2i, w2)": "tf.tensor_scatter_nd_add(w, tf.expand_dims(v2i, 1), w2)",
        "x.index_add(1, v2i, x2)": "index_add(x, v2i, x2, axis=1)",
    },
)
def index_add(call: Call) -> str:
    """Whole slices added at positions along one axis."""
    if call.given("alpha"):
        call.unknown("alpha is not covered")
    new = _written(call, "source")
    if call.dim.value() == 0:
        index = f"tf.expand_dims({call.index.node_code}, 1)"
        return f"tf.tensor_scatter_nd_add({call.input.node_code}, {index}, {new})"
    return f"index_add({call.input.node_code}, {call.index.node_code}, {new}, axis={call.dim.node_code})"


@rule(
    "torch.index_copy(input, dim, index, source)",
    "torch.Tensor.index_copy(input, dim, index, source)",
    cases={
        "w.index_copy(0, v2i, w2)": "tf.tensor_scatter_nd_update(w, tf.expand_dims(v2i, 1), w2)",
        "x.index_copy(1, v2i, x2)": "index_copy(x, v2i, x2, axis=1)",
    },
)
def index_copy(call: Call) -> str:
    """Whole slices written at positions along one axis."""
    new = _written(call, "source")
    if call.dim.value() == 0:
        index = f"tf.expand_dims({call.index.node_code}, 1)"
        return f"tf.tensor_scatter_nd_update({call.input.node_code}, {index}, {new})"
    return f"index_copy({call.input.node_code}, {call.index.node_code}, {new}, axis={call.dim.node_code})"


@rule(
    "torch.Tensor.masked_scatter(input, mask, source)",
    "torch.masked_scatter(input, mask, source)",
    cases={"x.masked_scatter(mask, y)": "masked_scatter(x, mask, y)"},
)
def masked_scatter(call: Call) -> str:
    """The values of the source in order, where the mask holds."""
    return f"masked_scatter({call.input.node_code}, {call.mask.node_code}, {_written(call, 'source')})"


@rule(
    "torch.masked_select(input, mask)",
    "torch.Tensor.masked_select(input, mask)",
    cases={
        "x.masked_select(mask)": "tf.boolean_mask(x, mask)",
        "x.masked_select(mask[..., :1])": "tf.boolean_mask(x, tf.broadcast_to(mask[..., :1], shape_list(x)))",
    },
)
def masked_select(call: Call) -> str:
    """PyTorch repeats a mask along the axes that it lacks."""
    tensor, mask = call.input.node_code, call.mask.node_code
    facts = (call.input.fact, call.mask.fact)
    ones = [fact is not None and fact.dims is not None and fact.dims.count(1) for fact in facts]
    if call.input.rank() != call.mask.rank() or ones[0] != ones[1]:
        mask = f"tf.broadcast_to({mask}, shape_list({tensor}))"
    return f"tf.boolean_mask({tensor}, {mask})"


@rule(
    "torch.bucketize(input, boundaries, *, right=False, out_int32=False)",
    "torch.searchsorted(boundaries, input, *, right=False, side='left', out_int32=False)",
    cases={
        "torch.bucketize(v1, v3f)": "tf.searchsorted(v3f, v1, out_type=tf.int64)",
        "torch.bucketize(v1, v3f, right=True)": 'tf.searchsorted(v3f, v1, side="right", out_type=tf.int64)',
        "torch.searchsorted(v3f, v1)": "tf.searchsorted(v3f, v1, out_type=tf.int64)",
    },
)
def searchsorted(call: Call) -> str:
    """Positions as int64."""
    values = call.input.node_code
    right = call.right.value() or (call.signature.parameter("side") is not None and call.side.value() == "right")
    side = ', side="right"' if right else ""
    if call.input.rank() != 1:
        flat = f"tf.searchsorted({call.boundaries.node_code}, flatten({values}){side}, out_type=tf.int64)"
        return f"tf.reshape({flat}, shape_list({values}))"
    return f"tf.searchsorted({call.boundaries.node_code}, {values}{side}, out_type=tf.int64)"


_REDUCTIONS = ("sum", "amax", "amin", "mean")


@rule(
    "torch.scatter_reduce(input, dim, index, src, reduce, *, include_self=True)",
    "torch.Tensor.scatter_reduce(input, dim, index, src, reduce, *, include_self=True)",
    cases={
        'x.scatter_reduce(1, i3, y, reduce="amax")': 'scatter_reduce(x, i3, y, axis=1, reduce="amax")',
        'x.scatter_reduce(1, i3, y, "mean", include_self=False)': (
            'scatter_reduce(x, i3, y, axis=1, reduce="mean", include_self=False)'
        ),
        'x.scatter_reduce(1, i3[:, :2], y[:, :2], "amax", include_self=False)': (
            'scatter_reduce(x, i3[:, :2], y[:, :2], axis=1, reduce="amax", include_self=False)'
        ),
        'x.scatter_reduce(1, i3, y, "sum")': 'scatter_reduce(x, i3, y, axis=1, reduce="sum")',
    },
)
def scatter_reduce(call: Call) -> str:
    """Several values of one index are added, or the greatest or smallest stays."""
    if call.reduce.is_literal() and call.reduce.const() not in _REDUCTIONS:
        call.unknown("only sum, mean, amax and amin are covered")
    code = f"{call.input.node_code}, {call.index.node_code}, {_written(call, 'src')}"
    options = f"axis={call.dim.node_code}, reduce={call.reduce.node_code}"
    if call.given("include_self") and call.include_self.node_code != "True":
        options += f", include_self={call.include_self.node_code}"
    return f"scatter_reduce({code}, {options})"


@rule(
    "torch.Tensor.index_put(input, indices, values, accumulate=False)",
    "torch.index_put(input, indices, values, accumulate=False)",
    cases={
        "w.index_put((v2i,), w2)": "index_put(w, (v2i,), w2)",
        "w.index_put((torch.zeros_like(v2i),), w2, accumulate=True)": (
            "index_put(w, (tf.zeros_like(v2i),), w2, accumulate=True)"
        ),
    },
)
def index_put(call: Call) -> str:
    """Values at whole coordinates; those of one place are added up where they accumulate."""
    adds = f", accumulate={call.accumulate.node_code}" if call.given("accumulate") else ""
    return f"index_put({call.input.node_code}, {call.indices.node_code}, {_written(call, 'values')}{adds})"
