"""Rules for dtypes, devices and leaving the tensor world."""

from __future__ import annotations

from porter.rulebook import Call, rule
from porter.rulebook.call import code_of
from porter.rules.casting import cast_to

DTYPES = {
    "float32": "float32",
    "float": "float32",
    "float64": "float64",
    "double": "float64",
    "float16": "float16",
    "half": "float16",
    "bfloat16": "bfloat16",
    "int64": "int64",
    "long": "int64",
    "int32": "int32",
    "int": "int32",
    "int16": "int16",
    "short": "int16",
    "int8": "int8",
    "uint8": "uint8",
    "bool": "bool",
    "complex64": "complex64",
    "cfloat": "complex64",
    "complex128": "complex128",
    "cdouble": "complex128",
}

for _name, _dtype in DTYPES.items():
    rule(f"torch.{_name}", to=f"tf.{_dtype}", cases={f"x.to(torch.{_name})": f"tf.cast(x, tf.{_dtype})"})


def _method(name: str, dtype: str) -> None:
    @rule(
        f"torch.Tensor.{name}(input)",
        cases={f"i.{name}()": "i" if dtype == "int64" else f"tf.cast(i, tf.{dtype})"},
    )
    def translate(call: Call) -> str:
        """A cast, left out where every run has shown the same dtype."""
        return cast_to(call.input, f"tf.{dtype}")


for _name in ("float", "double", "half", "bfloat16", "long", "int", "short", "bool"):
    _method(_name, DTYPES[_name])
_method("byte", "uint8")
_method("char", "int8")


@rule(
    "torch.Tensor.to(input, *target, device=None, dtype=None, non_blocking=False, copy=False, memory_format=None)",
    cases={
        "i.to(torch.float32)": "tf.cast(i, tf.float32)",
        "i.to(x.dtype)": "tf.cast(i, x.dtype)",
        "i.to(x)": "tf.cast(i, x.dtype)",
        "x.to(i.device)": "x",
        'x.to("cpu")': "x",
        "i.to(device=x.device, dtype=torch.bool)": "tf.cast(i, tf.bool)",
        "i.to(x.device, torch.float32)": "tf.cast(i, tf.float32)",
    },
)
def to(call: Call) -> str:
    """Devices are TensorFlow's own business."""
    if call.given("dtype"):
        return cast_to(call.input, call.dtype.node_code)
    for target in call.variadic:
        if target.is_a("dtype"):
            return cast_to(call.input, target.node_code)
        if target.is_a("tensor"):
            return f"tf.cast({call.input.node_code}, {target}.dtype)"
        if target.fact is None and target.node_code.startswith("tf."):
            return cast_to(call.input, target.node_code)
        if target.fact is None and target.node_code.endswith("dtype"):
            return cast_to(call.input, target.node_code)
        if target.fact is None and not target.is_literal() and "device" not in code_of(target.original):
            call.unknown(f"`{target}` was not seen, it may be a dtype or a device")
    return call.input.node_code


_FORMER_TYPES = {
    "FloatTensor": "float32", "DoubleTensor": "float64", "HalfTensor": "float16", "LongTensor": "int64",
    "IntTensor": "int32", "ShortTensor": "int16", "CharTensor": "int8", "ByteTensor": "uint8", "BoolTensor": "bool",
}  # fmt: skip
"""Classes of tensors that PyTorch had for types."""


@rule(
    "torch.Tensor.type(input, dtype=None)",
    cases={
        "i.type(torch.float32)": "tf.cast(i, tf.float32)",
        "i.type(x.dtype)": "tf.cast(i, x.dtype)",
        "i.type(torch.FloatTensor)": "tf.cast(i, tf.float32)",
        "i.type(torch.ByteTensor)": "tf.cast(i, tf.uint8)",
    },
)
def type_of(call: Call) -> str:
    """Without an argument PyTorch names the type as a string, which TensorFlow does not."""
    if not call.given("dtype"):
        call.unknown("the name of PyTorch's type has no meaning in TensorFlow")
    former = _FORMER_TYPES.get(code_of(call.dtype.original).removeprefix("torch.").removeprefix("cuda."))
    if former is not None:
        return cast_to(call.input, f"tf.{former}")
    if call.dtype.is_a("str"):
        name = str(call.dtype.value()).rpartition(".")[2].removesuffix("Tensor").lower()
        return cast_to(call.input, f"tf.{DTYPES[name]}")
    return cast_to(call.input, call.dtype.node_code)


rule(
    "torch.Tensor.type_as(input, other)",
    to="tf.cast(input, other.dtype)",
    cases={"i.type_as(x)": "tf.cast(i, x.dtype)"},
)


@rule(
    "torch.finfo(type=None)",
    "torch.iinfo(type=None)",
    cases={"torch.finfo(x.dtype).min": "x.dtype.min", "torch.iinfo(i.dtype).max": "i.dtype.max"},
)
def limits(call: Call) -> str:
    """A dtype of TensorFlow knows its smallest and greatest number itself."""
    return str(call.type) if call.given("type") else "tf.float32"


@rule("torch.finfo.eps", cases={"torch.finfo(x.dtype).eps": "np.finfo(x.dtype.as_numpy_dtype).eps"})
def epsilon(call: Call) -> str:
    """The one limit that a dtype of TensorFlow does not know."""
    return f"np.finfo({call.input}.as_numpy_dtype).eps"


rule(
    "torch.device.type",
    to='"cpu"',
    cases={"x.device.type": '"cpu"'},
    doc="Where code differs by device, the port takes what runs everywhere.",
)
rule(
    "torch.Tensor.device",
    "torch.device(type, index=None)",
    "torch.Tensor.get_device(input)",
    "torch.get_default_device()",
    to="None",
    cases={"x.device": "None"},
)
rule(
    "torch.Tensor.is_cuda",
    "torch.cuda.is_available()",
    "torch.cuda.is_bf16_supported(including_emulation=True)",
    to="False",
    cases={"x.is_cuda": "False"},
)
rule(
    "torch.Tensor.data",
    "torch.Tensor.detach(input)",
    "torch.Tensor.detach_(input)",
    "torch.detach(input)",
    to="tf.stop_gradient(input)",
    cases={"x.detach()": "tf.stop_gradient(x)", "x.data": "tf.stop_gradient(x)"},
)
rule(
    "torch.Tensor.requires_grad",
    "torch.is_grad_enabled()",
    to="True",
    cases={"torch.is_grad_enabled()": "True"},
    doc="Whether a gradient is taken is decided by the tape around the model.",
)
rule("torch.get_default_dtype()", to="tf.float32", cases={"torch.get_default_dtype()": "tf.float32"})
rule(
    "torch.Tensor.is_floating_point(input)",
    "torch.is_floating_point(input)",
    to="input.dtype.is_floating",
    cases={"x.is_floating_point()": "x.dtype.is_floating"},
)
rule(
    "torch.Tensor.is_complex(input)",
    "torch.is_complex(input)",
    to="input.dtype.is_complex",
    cases={"x.is_complex()": "x.dtype.is_complex"},
)
rule("torch.is_tensor(obj)", to="tf.is_tensor(obj)", cases={"torch.is_tensor(x)": "tf.is_tensor(x)"})
rule("torch.Tensor.numpy(input)", to="input.numpy()", cases={"v4.numpy()": "v4.numpy()"})
rule("torch.Tensor.tolist(input)", to="to_list(input)", cases={"i.tolist()": "to_list(i)"})


@rule("torch.Tensor.item(input)", cases={"i.sum().item()": "tf.reduce_sum(i)", "s1.item()": "tf.reshape(s1, ())"})
def item(call: Call) -> str:
    """A scalar tensor serves as a number, in a graph as well."""
    if call.input.fact is None or call.input.fact.rank is None:
        return f"tf.reshape({call.input.node_code}, ())"
    return call.input.node_code if call.input.rank() == 0 else f"tf.reshape({call.input.node_code}, ())"
