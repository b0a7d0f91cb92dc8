"""Rules for shapes and views."""

from __future__ import annotations

from porter.rulebook import Arg, Call, rule

rule(
    "torch.Tensor.shape",
    to="shape_list(input)",
    cases={"x.shape": "shape_list(x)", "x.shape[-1]": "shape_list(x)[-1]"},
)
rule(
    "torch.Tensor.ndim",
    "torch.Tensor.dim(input)",
    "torch.Tensor.ndimension(input)",
    to="input.shape.rank",
    cases={"x.dim()": "x.shape.rank", "x.ndim": "x.shape.rank"},
)
rule(
    "torch.Tensor.numel(input)",
    "torch.Tensor.nelement(input)",
    "torch.numel(input)",
    to="math.prod(shape_list(input))",
    cases={"x.numel()": "math.prod(shape_list(x))"},
)
rule(
    "torch.Size.numel(input)",
    to="math.prod(input)",
    cases={"x.shape[1:].numel()": "math.prod(shape_list(x)[1:])"},
)
rule(
    "torch.Tensor.unsqueeze(input, dim)",
    "torch.unsqueeze(input, dim)",
    to="tf.expand_dims(input, dim)",
    cases={"x.unsqueeze(-1)": "tf.expand_dims(x, -1)", "torch.unsqueeze(x, dim=1)": "tf.expand_dims(x, 1)"},
)
rule(
    "torch.Tensor.expand_as(input, other)",
    to="tf.broadcast_to(input, shape_list(other))",
    cases={"w.expand_as(x)": "tf.broadcast_to(w, shape_list(x))"},
)
rule(
    "torch.Tensor.reshape_as(input, other)",
    "torch.Tensor.view_as(input, other)",
    to="tf.reshape(input, shape_list(other))",
    cases={"x.reshape_as(y)": "tf.reshape(x, shape_list(y))"},
)
rule(
    "torch.Tensor.flatten(input, start_dim=0, end_dim=-1)",
    "torch.flatten(input, start_dim=0, end_dim=-1)",
    to="flatten(input, start_dim=start_dim, end_dim=end_dim)",
    cases={
        "x.flatten(1)": "flatten(x, start_dim=1)",
        "x.flatten(0, 1)": "flatten(x, end_dim=1)",
        "torch.flatten(x)": "flatten(x)",
    },
    doc="The sizes between are multiplied, so that they stay known where they are known.",
)
rule("torch.Tensor.ravel(input)", "torch.ravel(input)", to="flatten(input)", cases={"x.ravel()": "flatten(x)"})
rule(
    "torch.Tensor.unflatten(input, dim, sizes)",
    "torch.unflatten(input, dim, sizes)",
    to="unflatten(input, dim, sizes)",
    cases={"x.unflatten(-1, (2, -1))": "unflatten(x, -1, (2, -1))"},
)
rule(
    "torch.Tensor.T",
    "torch.Tensor.t(input)",
    "torch.t(input)",
    to="tf.transpose(input)",
    cases={"v.t()": "tf.transpose(v)", "w.T": "tf.transpose(w)"},
)
rule(
    "torch.Tensor.mT",
    "torch.Tensor.adjoint(input)",
    to="tf.linalg.matrix_transpose(input)",
    cases={"x.mT": "tf.linalg.matrix_transpose(x)"},
)
rule(
    "torch.Tensor.contiguous(input)",
    "torch.Tensor.clone(input)",
    "torch.clone(input)",
    "torch.Tensor.cpu(input)",
    "torch.Tensor.cuda(input)",
    "torch.Tensor.requires_grad_(input, requires_grad=True)",
    "torch.Tensor.storage_offset(input)",
    to="input",
    cases={"x.contiguous()": "x", "x.clone()": "x"},
    doc="TensorFlow's tensors are never changed in place and have no memory layout.",
)


@rule(
    "torch.Tensor.size(input, dim=None)",
    cases={"x.size()": "shape_list(x)", "x.size(1)": "shape_list(x)[1]", "x.size(dim=-1)": "shape_list(x)[-1]"},
)
def size(call: Call) -> str:
    """Static sizes as integers, unknown ones as int64 scalars."""
    index = f"[{call.dim.node_code}]" if call.given("dim") else ""
    return f"shape_list({call.input.node_code}){index}"


@rule(
    "torch.Tensor.transpose(input, dim0, dim1)",
    "torch.transpose(input, dim0, dim1)",
    "torch.Tensor.swapaxes(input, dim0, dim1)",
    "torch.Tensor.swapdims(input, dim0, dim1)",
    "torch.swapaxes(input, dim0, dim1)",
    "torch.swapdims(input, dim0, dim1)",
    cases={"x.transpose(1, 2)": "tf.transpose(x, perm=[0, 2, 1])", "v.transpose(0, 1)": "tf.transpose(v)"},
)
def transpose(call: Call) -> str:
    """TensorFlow wants the whole permutation; numpy's swapaxes serves where the rank was not seen."""
    if call.input.fact is None or call.input.fact.rank is None:
        return f"tf.experimental.numpy.swapaxes({call.input.node_code}, {call.dim0.node_code}, {call.dim1.node_code})"
    rank = call.input.rank()
    first, second = call.dim0.axis(rank), call.dim1.axis(rank)
    perm = list(range(rank))
    perm[first], perm[second] = perm[second], perm[first]
    return transposed(call.input, perm)


def transposed(tensor: Arg, perm: list[int]) -> str:
    """The transposition by a permutation of known axes, as short as it goes."""
    if perm == list(range(len(perm))):
        return str(tensor)
    if perm == [1, 0]:
        return f"tf.transpose({tensor.node_code})"
    return f"tf.transpose({tensor.node_code}, perm={perm})"


@rule(
    "torch.Tensor.permute(input, *dims)",
    "torch.permute(input, dims)",
    cases={
        "x.permute(0, 2, 1)": "tf.transpose(x, perm=[0, 2, 1])",
        "x.permute((2, -3, 1))": "tf.transpose(x, perm=[2, 0, 1])",
    },
)
def permute(call: Call) -> str:
    """Negative axes are counted out."""
    if not call.dims.is_literal():
        return f"tf.transpose({call.input.node_code}, perm={call.dims.node_code})"
    dims = call.dims.const()
    if not isinstance(dims, (tuple, list)):
        call.unknown(f"`{call.dims}` is not a permutation")
    return transposed(call.input, [dim % len(dims) for dim in dims])


@rule(
    "torch.Tensor.movedim(input, source, destination)",
    "torch.movedim(input, source, destination)",
    "torch.moveaxis(input, source, destination)",
    "torch.Tensor.moveaxis(input, source, destination)",
    cases={"x.movedim(-1, 0)": "tf.transpose(x, perm=[2, 0, 1])"},
)
def movedim(call: Call) -> str:
    """The axes that do not move keep their order."""
    rank = call.input.rank()
    sources, targets = _axes(call.source, rank), _axes(call.destination, rank)
    perm = [axis for axis in range(rank) if axis not in sources]
    for target, source in sorted(zip(targets, sources, strict=True)):
        perm.insert(target, source)
    return transposed(call.input, perm)


def _axes(arg: Arg, rank: int) -> list[int]:
    value = arg.value()
    values = value if isinstance(value, (tuple, list)) else [value]
    return [axis % rank for axis in values if isinstance(axis, int)]


@rule(
    "torch.Tensor.squeeze(input, dim=None)",
    "torch.squeeze(input, dim=None)",
    cases={
        "s.squeeze(-1)": "tf.squeeze(s, axis=-1)",
        "s.squeeze()": "tf.squeeze(s, axis=[1, 2])",
        "x.squeeze(0)": "squeeze(x, 0)",
    },
)
def squeeze(call: Call) -> str:
    """PyTorch leaves an axis alone whose size is not 1; TensorFlow refuses it."""
    dims = call.input.fact.dims if call.input.fact is not None else None
    if not call.given("dim"):
        if dims is None:
            return f"tf.squeeze({call.input.node_code})"
        return f"tf.squeeze({call.input.node_code}, axis={[axis for axis, dim in enumerate(dims) if dim == 1]})"
    is_axis = dims is not None and call.dim.is_literal() and isinstance(call.dim.const(), int)
    if is_axis and dims is not None and dims[call.dim.axis(len(dims))] == 1:
        return f"tf.squeeze({call.input.node_code}, axis={call.dim.node_code})"
    return f"squeeze({call.input.node_code}, {call.dim.node_code})"


@rule(
    "torch.Tensor.expand(input, *size)",
    "torch.broadcast_to(input, size)",
    "torch.Tensor.broadcast_to(input, size)",
    cases={
        "s.expand(2, 3, 4)": "tf.broadcast_to(s, (2, 3, 4))",
        "s.expand(-1, 3, -1)": "tf.broadcast_to(s, (shape_list(s)[0], 3, shape_list(s)[2]))",
        "w.expand(2, -1, -1)": "tf.broadcast_to(w, (2, shape_list(w)[0], shape_list(w)[1]))",
        "(s + 1.0).expand(-1, 3, -1)": "expand(s + 1.0, (-1, 3, -1))",
    },
)
def expand(call: Call) -> str:
    """-1 keeps a size; new axes come first."""
    parts = call.size.elements()
    if parts is None or any(part.starred for part in parts):
        return f"expand({call.input.node_code}, {call.size.node_code})"
    kept = [part.is_literal() and part.const() == -1 for part in parts]
    maybe = [not part.is_literal() and _may_be(part, -1) for part in parts]
    if any(maybe) or (any(kept) and not (call.input.is_simple() and call.input.fact and call.input.fact.rank)):
        return f"expand({call.input.node_code}, {call.size.node_code})"
    offset = len(parts) - (call.input.rank() if any(kept) else 0)
    sizes = [
        f"shape_list({call.input})[{index - offset}]" if keep else part.node_code
        for index, (part, keep) in enumerate(zip(parts, kept, strict=True))
    ]
    return f"tf.broadcast_to({call.input.node_code}, {sequence(sizes)})"


def _may_be(arg: Arg, value: int) -> bool:
    return arg.fact is not None and arg.fact.has_value and arg.fact.value == value


def sequence(codes: list[str]) -> str:
    """A tuple of these expressions."""
    return f"({', '.join(codes)}{',' if len(codes) == 1 else ''})"


@rule(
    "torch.Tensor.repeat(input, *repeats)",
    "torch.Tensor.tile(input, *repeats)",
    "torch.tile(input, repeats)",
    cases={
        "x.repeat(1, 2, 1)": "tf.tile(x, (1, 2, 1))",
        "w.repeat(2, 1, 1)": "tf.tile(w[tf.newaxis], (2, 1, 1))",
        "torch.tile(x, (2,))": "tf.tile(x, (1, 1, 2))",
        "x.repeat(*x.shape)": "repeat(x, shape_list(x))",
    },
)
def repeat(call: Call) -> str:
    """TensorFlow wants one factor per axis; PyTorch adds axes in front where there are more factors."""
    parts = call.repeats.elements()
    if parts is None or any(part.starred for part in parts):
        return f"repeat({call.input.node_code}, {call.repeats.node_code})"
    if call.input.fact is None or call.input.fact.rank is None:
        return f"repeat({call.input.node_code}, {call.repeats.node_code})"
    missing = len(parts) - call.input.rank()
    new_axes = f"[{', '.join(['tf.newaxis'] * missing)}]" if missing > 0 else ""
    factors = ["1"] * -missing + [part.node_code for part in parts]
    tensor = call.input.node_code if not new_axes else f"{call.input}{new_axes}"
    return f"tf.tile({tensor}, {sequence(factors)})"


@rule(
    "torch.Tensor.repeat_interleave(input, repeats, dim=None, *, output_size=None)",
    "torch.repeat_interleave(input, repeats, dim=None, *, output_size=None)",
    cases={
        "x.repeat_interleave(2, dim=1)": "tf.repeat(x, 2, axis=1)",
        "torch.repeat_interleave(x, 2)": "tf.repeat(x, 2)",
    },
)
def repeat_interleave(call: Call) -> str:
    """Each element `repeats` times, one after the other."""
    axis = f", axis={call.dim.node_code}" if call.given("dim") else ""
    return f"tf.repeat({call.input.node_code}, {call.repeats.node_code}{axis})"


@rule(
    "torch.Tensor.narrow(input, dim, start, length)",
    "torch.narrow(input, dim, start, length)",
    cases={
        "x.narrow(1, 1, 2)": "x[:, 1 : 1 + 2]",
        "x.narrow(-1, 0, 2)": "x[..., 0 : 0 + 2]",
    },
)
def narrow(call: Call) -> str:
    """A slice along one axis."""
    index = axis_index(call.dim, f"{call.start} : {call.start} + {call.length}")
    return f"{call.input}[{index}]"


@rule(
    "torch.Tensor.select(input, dim, index)",
    "torch.select(input, dim, index)",
    cases={"x.select(1, 2)": "x[:, 2]", "x.select(-1, 0)": "x[..., 0]"},
)
def select(call: Call) -> str:
    """An index at one axis."""
    return f"{call.input}[{axis_index(call.dim, call.index.node_code)}]"


def axis_index(dim: Arg, text: str) -> str:
    """An index that applies `text` to one axis, written from the nearer end."""
    axis = dim.value()
    if not isinstance(axis, int):
        raise TypeError(f"{dim} is not an axis")
    return ", ".join([*[":"] * axis, text]) if axis >= 0 else ", ".join(["...", text, *[":"] * (-axis - 1)])


@rule(
    "torch.Tensor.unfold(input, dimension, size, step)",
    cases={
        "x.unfold(-1, 2, 1)": "tf.signal.frame(x, 2, 1, axis=-1)",
        "x.unfold(1, 2, 1)": "tf.transpose(tf.signal.frame(x, 2, 1, axis=1), perm=[0, 1, 3, 2])",
    },
)
def unfold(call: Call) -> str:
    """PyTorch puts the elements of a window last, TensorFlow behind the axis that was cut."""
    code = f"{call.input.node_code}, {call.size.node_code}, {call.step.node_code}"
    if call.input.fact is None or call.input.fact.rank is None:
        return f"windows({code}, axis={call.dimension.node_code})"
    rank = call.input.rank()
    axis = call.dimension.axis(rank)
    framed = f"tf.signal.frame({code}, axis={call.dimension.node_code})"
    if axis == rank - 1:
        return framed
    perm = [*[other for other in range(rank + 1) if other != axis + 1], axis + 1]
    return f"tf.transpose({framed}, perm={perm})"


@rule(
    "torch.roll(input, shifts, dims=None)",
    "torch.Tensor.roll(input, shifts, dims=None)",
    cases={"torch.roll(x, shifts=(1, -1), dims=(1, 2))": "tf.roll(x, shift=(1, -1), axis=(1, 2))"},
)
def roll(call: Call) -> str:
    """Without axes PyTorch rolls the flattened tensor."""
    if not call.given("dims"):
        flat = f"tf.roll(flatten({call.input.node_code}), shift={call.shifts.node_code}, axis=0)"
        return f"tf.reshape({flat}, shape_list({call.input.node_code}))" if call.input.rank() != 1 else flat
    return f"tf.roll({call.input.node_code}, shift={call.shifts.node_code}, axis={call.dims.node_code})"


@rule(
    "torch.flip(input, dims)",
    "torch.Tensor.flip(input, *dims)",
    "torch.fliplr(input, dims=[1])",
    "torch.flipud(input, dims=[0])",
    cases={"torch.flip(x, dims=(-1,))": "tf.reverse(x, axis=(-1,))", "x.flip(1)": "tf.reverse(x, axis=[1])"},
)
def flip(call: Call) -> str:
    """TensorFlow wants a list of axes."""
    parts = call.dims.elements()
    if call.signature.is_method and parts is not None:
        return f"tf.reverse({call.input.node_code}, axis=[{', '.join(part.node_code for part in parts)}])"
    dims = f"[{call.dims.node_code}]" if call.dims.is_a("int") else call.dims.node_code
    return f"tf.reverse({call.input.node_code}, axis={dims})"
