"""Views of tensors, and how a tensor is made anew when one of them was written to."""

from __future__ import annotations

from porter.rulebook import Call, Remark
from porter.rulebook.views import view
from porter.rules.shape import axis_index

view(
    "torch.Tensor.view(input, *shape)",
    "torch.Tensor.view_as(input, other)",
    "torch.Tensor.flatten(input, start_dim=0, end_dim=-1)",
    "torch.Tensor.squeeze(input, dim=None)",
    "torch.Tensor.unsqueeze(input, dim)",
    "torch.Tensor.unflatten(input, dim, sizes)",
    "torch.flatten(input, start_dim=0, end_dim=-1)",
    "torch.squeeze(input, dim=None)",
    "torch.unsqueeze(input, dim)",
    back="tf.reshape(new, shape_list(input))",
    cases={"x.view(-1)": "tf.reshape(new, shape_list(x))", "x.unsqueeze(1)": "tf.reshape(new, shape_list(x))"},
)
view(
    "torch.Tensor.reshape(input, *shape)",
    "torch.reshape(input, shape)",
    back="tf.reshape(new, shape_list(input))",
    cases={"x.reshape(-1)": "tf.reshape(new, shape_list(x))"},
    remark=Remark("PyTorch's `reshape` is taken to share its numbers here, as it does wherever it can."),
)
view(
    "torch.Tensor.contiguous(input)",
    back="new",
    cases={"x.contiguous()": "new"},
    remark=Remark("PyTorch's `contiguous` is taken to share its numbers here, as it does wherever it can."),
)
view(
    "torch.Tensor.expand(input, *size)",
    "torch.Tensor.expand_as(input, other)",
    back="tf.reshape(new, shape_list(input))",
    cases={
        "x.expand_as(x)": "tf.reshape(new, shape_list(x))",
        "x.expand(2, -1, -1)": "tf.reshape(new, shape_list(x))",
    },
)
view("torch.Tensor.detach(input)", "torch.detach(input)", "torch.Tensor.data", back="new", cases={"x.detach()": "new"})
view(
    "torch.Tensor.to(input, *target, dtype=None)",
    "torch.Tensor.float(input)",
    "torch.Tensor.type_as(input, other)",
    "torch.Tensor.type(input, dtype)",
    back="new",
    cases={"x.float()": "new"},
)
view(
    "torch.Tensor.T",
    "torch.Tensor.t(input)",
    "torch.t(input)",
    back="tf.transpose(new)",
    cases={"w.t()": "tf.transpose(new)"},
)
view("torch.Tensor.mT", back="tf.linalg.matrix_transpose(new)", cases={"x.mT": "tf.linalg.matrix_transpose(new)"})


@view(
    "torch.Tensor.transpose(input, dim0, dim1)",
    "torch.Tensor.swapaxes(input, dim0, dim1)",
    "torch.transpose(input, dim0, dim1)",
    cases={"x.transpose(0, 1)": "tf.transpose(new, perm=[1, 0, 2])"},
)
def transpose(call: Call) -> str:
    """The same exchange once more."""
    order = list(range(call.input.rank()))
    first, second = (arg.axis(len(order)) for arg in (call.dim0, call.dim1))
    order[first], order[second] = order[second], order[first]
    return f"tf.transpose({call.new.node_code}, perm={order})"


@view("torch.Tensor.permute(input, *dims)", cases={"x.permute(2, 0, 1)": "tf.transpose(new, perm=[1, 2, 0])"})
def permute(call: Call) -> str:
    """The inverse permutation."""
    rank = call.input.rank()
    order = [arg.axis(rank) for arg in (call.dims.elements() or call.unknown("the permutation is not written out"))]
    return f"tf.transpose({call.new.node_code}, perm={[order.index(axis) for axis in range(rank)]})"


@view(
    "torch.Tensor.select(input, dim, index)",
    "torch.select(input, dim, index)",
    cases={"x.select(1, 2)": "slice_update(x, np.s_[:, 2], new)"},
)
def select(call: Call) -> str:
    """An index at one axis."""
    index = axis_index(call.dim, call.index.node_code)
    return f"slice_update({call.input.node_code}, np.s_[{index}], {call.new.node_code})"


@view(
    "torch.Tensor.narrow(input, dim, start, length)",
    "torch.narrow(input, dim, start, length)",
    cases={"x.narrow(1, 1, 2)": "slice_update(x, np.s_[:, 1 : 1 + 2], new)"},
)
def narrow(call: Call) -> str:
    """A slice at one axis."""
    index = axis_index(call.dim, f"{call.start} : {call.start} + {call.length}")
    return f"slice_update({call.input.node_code}, np.s_[{index}], {call.new.node_code})"


@view(
    "torch.Tensor.chunk(input, chunks, dim=0)",
    "torch.chunk(input, chunks, dim=0)",
    "torch.Tensor.split(input, split_size, dim=0)",
    "torch.split(tensor, split_size_or_sections, dim=0)",
    cases={"x.chunk(2, dim=-1)": "tf.concat(new, axis=-1)"},
)
def parts(call: Call) -> str:
    """All parts, joined again."""
    return f"tf.concat({call.new.node_code}, axis={call.dim.node_code})"


@view(
    "torch.Tensor.unbind(input, dim=0)", "torch.unbind(input, dim=0)", cases={"x.unbind(1)": "tf.stack(new, axis=1)"}
)
def rows(call: Call) -> str:
    """All rows, stacked again."""
    return f"tf.stack({call.new.node_code}, axis={call.dim.node_code})"
