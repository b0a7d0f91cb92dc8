"""Rules that make tensors."""

from __future__ import annotations

from porter.rulebook import Arg, Call, Drop, Remark, rule
from porter.rulebook.call import code_of
from porter.rules.casting import cast, tensor_dtype


def shape_code(size: Arg) -> str:
    """The sizes, a lone integer as a tuple."""
    if size.is_a("int"):
        return f"({size.node_code},)"
    return size.node_code


def dtype_code(call: Call, own: str | None = None) -> str:
    """The dtype asked for, else `own`, else the one that PyTorch gave the result."""
    if call.given("dtype"):
        return call.dtype.node_code
    return own or f"tf.{call.result_dtype()}"


def dtype_of_value(call: Call, value: Arg) -> str | None:
    """The dtype PyTorch gave the result, else the one it gives python numbers; None where no run has shown them."""
    if tensor_dtype(call.result) is not None:
        return f"tf.{tensor_dtype(call.result)}"
    kinds = {type(part).__name__ for part in _leaves(value.const())} if value.is_literal() else set()
    if value.fact is not None and not kinds:
        kinds = set(value.fact.kinds - {"none"})
    if not kinds and value.code.startswith("float("):
        kinds = {"float"}
    for kind, dtype in (("float", "float32"), ("int", "int64"), ("bool", "bool")):
        if kind in kinds:
            return f"tf.{dtype}"
    return None


def _leaves(value: object) -> list[object]:
    """All elements of nested lists."""
    if not isinstance(value, (list, tuple)):
        return [value]
    return [leaf for part in value for leaf in _leaves(part)]


def dtype_keyword(call: Call) -> str:
    """`, dtype=...` where it is not TensorFlow's default."""
    if call.given("dtype"):
        return f", dtype={call.dtype.node_code}"
    dtype = tensor_dtype(call.result)
    return "" if dtype in (None, "float32") else f", dtype=tf.{dtype}"


def _constant(name: str, function: str) -> None:
    @rule(
        f"torch.{name}(*size, out=None, dtype=None)",
        cases={
            f"torch.{name}(2, 3)": f"{function}((2, 3))",
            f"torch.{name}((2,), dtype=torch.long)": f"{function}((2,), dtype=tf.int64)",
            f"torch.{name}(3)": f"{function}((3,))",
        },
    )
    def constant(call: Call) -> str:
        """float32 unless asked otherwise, in both."""
        return f"{function}({shape_code(call.size)}{dtype_keyword(call)})"

    @rule(
        f"torch.{name}_like(input, *, dtype=None)",
        cases={
            f"torch.{name}_like(i)": f"{function}_like(i)",
            f"torch.{name}_like(x, dtype=torch.bool)": f"{function}_like(x, dtype=tf.bool)",
        },
    )
    def like(call: Call) -> str:
        """Shape and dtype of another tensor."""
        dtype = f", dtype={call.dtype.node_code}" if call.given("dtype") else ""
        return f"{function}_like({call.input.node_code}{dtype})"

    @rule(
        f"torch.Tensor.new_{name}(input, *size, dtype=None)",
        cases={f"i.new_{name}(2, 3)": f"{function}((2, 3), dtype=i.dtype)"},
    )
    def new(call: Call) -> str:
        """The dtype of another tensor."""
        return f"{function}({shape_code(call.size)}, dtype={dtype_code(call, f'{call.input}.dtype')})"


_constant("zeros", "tf.zeros")
_constant("ones", "tf.ones")


@rule(
    "torch.empty(*size, out=None, dtype=None)",
    cases={"torch.empty(2, 0)": "tf.zeros((2, 0))"},
)
def empty(call: Call) -> str:
    """TensorFlow has no uninitialised memory."""
    return f"tf.zeros({shape_code(call.size)}{dtype_keyword(call)})"


@rule(
    "torch.Tensor.new_empty(input, *size, dtype=None)",
    cases={"x.new_empty(2, 0)": "tf.zeros((2, 0), dtype=x.dtype)"},
)
def new_empty(call: Call) -> str:
    """TensorFlow has no uninitialised memory."""
    return f"tf.zeros({shape_code(call.size)}, dtype={dtype_code(call, f'{call.input}.dtype')})"


INITIAL_VALUES = Drop(Remark("a weight's initial values are not ported: a checkpoint gives others."))


def is_weight(arg: Arg) -> bool:
    """Whether this is a layer's weight, which PyTorch initialises in place."""
    parts = code_of(arg.original).removesuffix(".data").split(".")
    return len(parts) > 2 and parts[-1] in ("weight", "bias")


@rule("torch.Tensor.zero_(input)", cases={"x.zero_()": "tf.zeros_like(x)"})
def zero(call: Call) -> str | Drop:
    """A layer's weight keeps the values that it was built with."""
    return INITIAL_VALUES if is_weight(call.input) else f"tf.zeros_like({call.input.node_code})"


@rule(
    "torch.empty_like(input, *, dtype=None)",
    cases={"torch.empty_like(i[:0])": "tf.zeros_like(i[:0])"},
)
def empty_like(call: Call) -> str:
    """TensorFlow has no uninitialised memory."""
    dtype = f", dtype={call.dtype.node_code}" if call.given("dtype") else ""
    return f"tf.zeros_like({call.input.node_code}{dtype})"


def scalar(value: Arg, dtype: str) -> str:
    """A number as a scalar tensor of a dtype given as code."""
    if value.is_a("tensor"):
        return value.node_code if tensor_dtype(value.fact) == dtype.removeprefix("tf.") else _cast(value, dtype)
    if value.is_literal() and dtype == "tf.float32" and isinstance(value.const(), float):
        return value.node_code
    if value.is_literal() and dtype == "tf.bool":
        return str(bool(value.const()))
    return _cast(value, dtype)


def _cast(value: Arg, dtype: str) -> str:
    return f"tf.cast({value.node_code}, {dtype})"


@rule(
    "torch.full(size, fill_value, *, out=None, dtype=None)",
    cases={
        "torch.full((2, 3), 1)": "tf.fill((2, 3), tf.cast(1, tf.int64))",
        "torch.full((2,), -1.5)": "tf.fill((2,), -1.5)",
        "torch.full([2, 2], 0, dtype=torch.float32)": "tf.fill([2, 2], tf.cast(0, tf.float32))",
        'torch.full((2,), float("-inf"))': 'tf.fill((2,), tf.cast(float("-inf"), tf.float32))',
        "torch.full((2,), True)": "tf.fill((2,), True)",
    },
)
def full(call: Call) -> str:
    """PyTorch's integers are int64."""
    dtype = call.dtype.node_code if call.given("dtype") else dtype_of_value(call, call.fill_value)
    value = f"to_tensor({call.fill_value.node_code})" if dtype is None else scalar(call.fill_value, dtype)
    return f"tf.fill({shape_code(call.size)}, {value})"


@rule(
    "torch.full_like(input, fill_value, *, dtype=None)",
    cases={"torch.full_like(x, 2)": "tf.fill(shape_list(x), tf.cast(2, x.dtype))"},
)
def full_like(call: Call) -> str:
    """Shape and dtype of another tensor."""
    own = f"{call.input}.dtype" if call.input.is_simple() else None
    if own is None and not call.given("dtype") and tensor_dtype(call.result) is None:
        return f"tf.zeros_like({call.input.node_code}) + {call.fill_value}"
    return f"tf.fill(shape_list({call.input.node_code}), {scalar(call.fill_value, dtype_code(call, own))})"


@rule(
    "torch.Tensor.new_full(input, size, fill_value, *, dtype=None)",
    cases={"i.new_full((2, 1), 7)": "tf.fill((2, 1), tf.cast(7, i.dtype))"},
)
def new_full(call: Call) -> str:
    """The dtype of another tensor."""
    return f"tf.fill({shape_code(call.size)}, {scalar(call.fill_value, dtype_code(call, f'{call.input}.dtype'))})"


@rule(
    "torch.Tensor.fill_(input, value)",
    "torch.fill(input, value)",
    cases={"torch.fill(x, 2.0)": "tf.fill(shape_list(x), tf.cast(2.0, x.dtype))"},
)
def fill(call: Call) -> str | Drop:
    """A tensor of the same shape and dtype; a layer's weight keeps the values that it was built with."""
    if is_weight(call.input):
        return INITIAL_VALUES
    own = f"{call.input}.dtype" if call.input.is_simple() else f"tf.{call.input.dtype()}"
    return f"tf.fill(shape_list({call.input.node_code}), tf.cast({call.value.node_code}, {own}))"


@rule(
    "torch.Tensor.copy_(input, src, non_blocking=False)",
    cases={"x.copy_(y)": "y", "x.copy_(v4)": "tf.broadcast_to(v4, shape_list(x))"},
)
def copy(call: Call) -> str:
    """The other tensor's values in this one's shape and dtype."""
    dtype = tensor_dtype(call.input.fact)
    source = cast(call.src, dtype) if dtype else call.src.node_code
    same_rank = (
        call.input.fact is not None and call.src.fact is not None and call.input.fact.dims == call.src.fact.dims
    )
    return source if same_rank else f"tf.broadcast_to({source}, shape_list({call.input.node_code}))"


@rule(
    "torch.arange(start=0, end=None, step=1, *, out=None, dtype=None)",
    "torch.range(start=0, end=None, step=1, *, out=None, dtype=None)",
    cases={
        "torch.arange(3)": "tf.range(3, dtype=tf.int64)",
        "torch.arange(1, 7, 2)": "tf.range(1, 7, 2, dtype=tf.int64)",
        "torch.arange(0, 4, dtype=torch.float32)": "tf.range(0, 4, dtype=tf.float32)",
        "torch.arange(0.5, 2)": "tf.range(0.5, 2, dtype=tf.float32)",
        "torch.arange(3, dtype=torch.int32)": "tf.range(3, dtype=tf.int32)",
        "torch.arange(0, 6, 2.0, dtype=torch.int64)": "tf.range(0, 6, 2, dtype=tf.int64)",
    },
)
def arange(call: Call) -> str:
    """Integers are int64 in PyTorch."""
    unseen = call.result is None or call.result.dtype is None
    bounds = (call.start, call.end, call.step)
    whole = not any(arg.is_a("float") or (arg.is_literal() and isinstance(arg.const(), float)) for arg in bounds)
    dtype = "tf.int64" if unseen and whole and not call.given("dtype") else dtype_code(call)
    counts = "int" in dtype
    parts = [_bound(call.start, counts)]
    if call.given("end"):
        parts.append(_bound(call.end, counts))
    if call.given("step"):
        step = _bound(call.step, counts)
        parts.append(step if len(parts) == 2 else f"delta={step}")
    return f"tf.range({', '.join(parts)}, dtype={dtype})"


def _bound(arg: Arg, counts: bool) -> str:
    """A bound of a range; of one of integers 2.0 is 2."""
    value = arg.const() if counts and arg.is_literal() else None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else arg.node_code


@rule(
    "torch.linspace(start, end, steps, *, out=None, dtype=None)",
    cases={
        "torch.linspace(0, 1, 5)": "tf.linspace(tf.cast(0, tf.float32), 1, 5)",
        "torch.linspace(-1.0, 1.0, steps=3)": "tf.linspace(-1.0, 1.0, 3)",
    },
)
def linspace(call: Call) -> str:
    """TensorFlow's integers would give float64; PyTorch's own choice is float32, whatever it is given."""
    dtype = dtype_code(call, None if call.result is not None else "tf.float32")
    end = call.end.node_code if call.end.is_literal() else scalar(call.end, dtype)
    return f"tf.linspace({scalar(call.start, dtype)}, {end}, {call.steps.node_code})"


@rule(
    "torch.tensor(data, *, dtype=None)",
    "torch.as_tensor(data, dtype=None)",
    "torch.from_numpy(data)",
    "torch.asarray(data, *, dtype=None)",
    "torch.scalar_tensor(data, *, dtype=None)",
    "torch.Tensor.new_tensor(input, data, *, dtype=None)",
    cases={
        "torch.tensor([1, 2])": "tf.constant([1, 2], dtype=tf.int64)",
        "torch.tensor(0.5)": "tf.constant(0.5, dtype=tf.float32)",
        "torch.tensor([True])": "tf.constant([True], dtype=tf.bool)",
        "torch.tensor([1, 2], dtype=torch.float32)": "tf.constant([1, 2], dtype=tf.float32)",
        "torch.tensor([x.shape[1], 2])": "tf.convert_to_tensor([shape_list(x)[1], 2], dtype=tf.int64)",
        "torch.as_tensor(i, dtype=torch.float32)": "tf.cast(i, tf.float32)",
        "torch.tensor(x.shape[1], dtype=torch.float32)": "tf.cast(shape_list(x)[1], tf.float32)",
        "torch.tensor([x.shape[1]][::1])": "tf.convert_to_tensor([shape_list(x)[1]][::1], dtype=tf.int64)",
    },
)
def tensor(call: Call) -> str:
    """python integers are int64 in PyTorch, int32 in TensorFlow."""
    named = call.signature.parameter("dtype") is not None and call.given("dtype")
    if call.data.is_a("tensor"):
        return f"tf.cast({call.data.node_code}, {call.dtype.node_code})" if named else call.data.node_code
    if call.signature.name == "torch.from_numpy" and call.result is None:
        return f"tf.convert_to_tensor({call.data.node_code})"
    dtype = call.dtype.node_code if named else dtype_of_value(call, call.data)
    if dtype is None:
        return f"to_tensor({call.data.node_code})"
    if named and call.data.is_a("int") and not call.data.is_literal():
        return f"tf.cast({call.data.node_code}, {dtype})"  # a size that only the graph knows is a tensor
    function = "tf.constant" if call.data.is_literal() else "tf.convert_to_tensor"
    return f"{function}({call.data.node_code}, dtype={dtype})"


def _legacy(name: str, dtype: str, sample: str = "[1, 2]") -> None:
    values = f"np.array({sample})"
    made = {sample: f"tf.constant({sample}, dtype={dtype})", values: f"tf.convert_to_tensor({values}, dtype={dtype})"}

    @rule(f"torch.{name}(*data)", cases={f"torch.{name}({given})": code for given, code in made.items()})
    def typed(call: Call) -> str:
        """The old constructors: sizes make zeros, a list or an array makes a tensor."""
        if len(call.variadic) == 1 and not call.variadic[0].is_a("int"):
            (given,) = call.variadic
            function = "tf.constant" if given.is_literal() else "tf.convert_to_tensor"
            return f"{function}({given.node_code}, dtype={dtype})"
        return f"tf.zeros({call.data.node_code}, dtype={dtype})"


_legacy("FloatTensor", "tf.float32")
_legacy("LongTensor", "tf.int64")
_legacy("Tensor", "tf.float32")
_legacy("IntTensor", "tf.int32")
_legacy("BoolTensor", "tf.bool", "[True, False]")


@rule(
    "torch.eye(n, m=None, *, dtype=None)",
    cases={"torch.eye(3)": "tf.eye(3)", "torch.eye(2, 3, dtype=torch.int64)": "tf.eye(2, 3, dtype=tf.int64)"},
)
def eye(call: Call) -> str:
    """float32 unless asked otherwise, in both."""
    columns = f", {call.m.node_code}" if call.given("m") else ""
    return f"tf.eye({call.n.node_code}{columns}{dtype_keyword(call)})"


@rule(
    "torch.meshgrid(*tensors, indexing='ij')",
    cases={
        'torch.meshgrid(v1, v4, indexing="ij")': 'tf.meshgrid(v1, v4, indexing="ij")',
        'torch.meshgrid([v1, v4], indexing="xy")': 'tf.meshgrid(v1, v4, indexing="xy")',
    },
)
def meshgrid(call: Call) -> str:
    """PyTorch's default is the order of matrices, TensorFlow's that of images."""
    parts = call.tensors.elements()
    if parts is not None and not any(part.starred for part in parts):
        tensors = ", ".join(part.node_code for part in parts)
    else:
        tensors = f"*{call.tensors}"
    indexing = call.indexing.node_code if call.given("indexing") else '"ij"'
    return f"tf.meshgrid({tensors}, indexing={indexing})"


rule(
    "torch.cartesian_prod(first, second)",
    to='tf.reshape(tf.stack(tf.meshgrid(first, second, indexing="ij"), axis=-1), (-1, 2))',
    cases={
        "torch.cartesian_prod(v1, v4)": ('tf.reshape(tf.stack(tf.meshgrid(v1, v4, indexing="ij"), axis=-1), (-1, 2))')
    },
)
rule(
    "torch.hann_window(window_length, periodic=True, *, dtype=None)",
    to="tf.signal.hann_window(window_length, periodic=periodic)",
    cases={"torch.hann_window(8)": "tf.signal.hann_window(8)"},
)
