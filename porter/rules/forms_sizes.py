"""Sizes and devices: what a graph may not know, and what TensorFlow decides by itself."""

from __future__ import annotations

import libcst as cst

from porter.rulebook import Drop, Match, Text, expression, statement

expression(
    "len($x)",
    to="shape_list($x)[0]",
    where=lambda m: m.x.is_a("tensor"),
    cases={"x = x * len(x)": "x = x * tf.cast(shape_list(x)[0], x.dtype)"},
)
expression(
    "len($x)",
    to="(shape_list($x)[0] if tf.is_tensor($x) else len($x))",
    where=lambda m: (
        isinstance(m.x.original, cst.Name)
        and m.x.fact is not None
        and "tensor" in m.x.fact.kinds
        and bool(m.x.fact.kinds & {"tuple", "list"})
    ),
    cases={
        "kept = ()\nfor _ in range(2):\n    x = x + 1 if len(kept) == 0 else x\n    kept = x": (
            "kept = ()\nfor _ in range(2):\n"
            "    x = x + 1 if surely((shape_list(kept)[0] if tf.is_tensor(kept) else len(kept)) == 0) else x\n"
            "    kept = x"
        )
    },
    doc="A graph does not know the length of a tensor that takes the place of a tuple.",
)
expression(
    "int($x ** 0.5)",
    "int(math.sqrt($x))",
    to="as_int(square_root($x))",
    where=lambda m: m.x.is_a("int") and isinstance(m.x.original, (cst.Name, cst.Subscript)),
    cases={
        "n = x.shape[1]\nx = x + x[:, : int(n ** 0.5)].sum(1, keepdim=True)": (
            "n = shape_list(x)[1]\nx = x + tf.reduce_sum(x[:, : as_int(square_root(n))], axis=1, keepdims=True)"
        )
    },
    doc="The side of a square of positions, whose number a graph may not know.",
)


def _is_unsure_size(m: Match) -> bool:
    """Whether it is a number that differed between runs, other than by the layer that has it."""
    fact = m.x.fact
    is_own = isinstance(m.x.original, cst.Attribute)
    return fact is not None and fact.only("int") and not fact.has_value and not is_own


for _power, _written, _factor in (
    ("0.5", "tf.cast(square_root($x), tf.float32)", "tf.cast(square_root(n), tf.float32)"),
    ("-0.5", "tf.cast(1 / square_root($x), tf.float32)", "tf.cast(1 / square_root(n), tf.float32)"),
):
    expression(
        f"$x ** {_power}",
        to=_written,
        where=_is_unsure_size,
        inside="call",
        cases={f"n = x.shape[1]\nx = x * n ** {_power}": f"n = shape_list(x)[1]\nx = x * {_factor}"},
        doc="A whole number of a graph has no power that is none.",
    )


_OF_NUMPY = frozenset({"numpy.ceil", "numpy.floor", "numpy.sqrt"})


def _is_uneven(m: Match) -> bool:
    """Whether it is a number that is computed from a size which a graph may not know, and no root."""
    is_call = isinstance(m.x.original, cst.Call)
    root = isinstance(m.x.original, cst.BinaryOperation) and isinstance(m.x.original.operator, cst.Power)
    root = root or (is_call and m.place.canonical(cst.ensure_type(m.x.original, cst.Call).func) == "math.sqrt")
    number = m.x.fact is not None and (m.x.fact.only("int") or m.x.fact.only("float"))
    number = number or (is_call and m.place.canonical(cst.ensure_type(m.x.original, cst.Call).func) in _OF_NUMPY)
    return number and not root and m.place.may_be_unknown(m.x.original)


expression(
    "int($x)",
    to="as_int($x)",
    where=_is_uneven,
    inside="call",
    cases={
        "n = x.shape[1]\nx = x + x[:, : int(n * 0.5)].sum(1, keepdim=True)": (
            "n = shape_list(x)[1]\nx = x + tf.reduce_sum(x[:, : as_int(as_float(n) * 0.5)], axis=1, keepdims=True)"
        )
    },
    doc="A number that a graph may not know is none that Python can round.",
)
expression(
    "float($x)",
    to="as_float($x)",
    where=lambda m: m.x.is_a("int") and m.place.may_be_unknown(m.x.original),
    inside="call",
    cases={
        "n = x.shape[1]\nx = x / float(n)": "n = shape_list(x)[1]\nx = x / tf.cast(as_float(n), x.dtype)",
    },
    doc="A number that a graph may not know is none of Python's.",
)


def _holds_number(m: Match) -> bool:
    return m.x.is_a("tensor") and m.x.fact is not None and m.x.fact.only("tensor")


for _name, _written, _cases in (
    (
        "int",
        "as_int($x)",
        {
            "x = x + x[:, : int(x.max() > 99) + 2].sum(1, keepdim=True)": (
                "x = x + tf.reduce_sum(x[:, : as_int(tf.reduce_max(x) > 99) + 2], axis=1, keepdims=True)"
            )
        },
    ),
    ("float", "as_float($x)", {"x = x * float(x.max())": "x = x * as_float(tf.reduce_max(x))"}),
    (
        "bool",
        "tf.cast($x, tf.bool)",
        {"if bool(x.max() > 99):\n    x = x + 1": "if tf.cast(tf.reduce_max(x) > 99, tf.bool):\n    x = x + 1"},
    ),
):
    expression(
        f"{_name}($x)",
        to=_written,
        where=_holds_number,
        inside="call",
        cases=_cases,
        doc="What a tensor holds is none of Python's numbers in a graph.",
    )
for _name, _function in (("ceil", "rounded_up"), ("floor", "rounded_down"), ("sqrt", "square_root")):
    expression(
        f"np.{_name}($x)",
        f"numpy.{_name}($x)",
        to=f"{_function}($x)",
        where=_is_uneven,
        inside="call",
        cases={
            f"n = x.shape[1]\nx = x + x[:, : int(np.{_name}(n / 2))].sum(1, keepdim=True)": (
                f"n = shape_list(x)[1]\n"
                f"x = x + tf.reduce_sum(x[:, : as_int({_function}(n / 2))], axis=1, keepdims=True)"
            )
        },
        doc="numpy takes no number that a graph may not know.",
    )


@expression(
    "torch.Size($sizes)",
    cases={
        "size = torch.Size([2, x.shape[-1]])\nx = x + torch.ones(size).sum()": (
            "size = (2, shape_list(x)[-1])\nx = x + tf.reduce_sum(tf.ones(size))"
        )
    },
)
def tuple_of_sizes(m: Match) -> Text:
    """PyTorch's sizes are a tuple, and TensorFlow takes one."""
    sizes = m.sizes.elements() or ()
    if not sizes or any(size.starred for size in sizes):
        return Text(f"tuple({m.sizes.node_code})")
    return Text(f"({', '.join(size.node_code for size in sizes)}{',' if len(sizes) == 1 else ''})")


expression(
    "enumerate($x)",
    to="enumerate(tf.unstack($x))",
    where=lambda m: m.x.is_a("tensor"),
    inside="call",
    cases={
        "for i, row in enumerate(torch.ones(2, 8)):\n    x = x + row * i": (
            "for i, row in enumerate(tf.unstack(tf.ones((2, 8)))):\n    x = x + row * tf.cast(i, row.dtype)"
        )
    },
    doc="A graph does not go through the rows of a tensor.",
)


@expression(
    "zip($a, $b)",
    where=lambda m: m.a.is_a("tensor") or m.b.is_a("tensor"),
    inside="call",
    cases={
        "for row, n in zip(torch.ones(2, 8), [1, 2]):\n    x = x + row * n": (
            "for row, n in zip(tf.unstack(tf.ones((2, 8))), [1, 2]):\n    x = x + row * tf.cast(n, row.dtype)"
        )
    },
)
def rows_of_both(m: Match) -> Text:
    """The same of two."""
    both = (f"tf.unstack({each.node_code})" if each.is_a("tensor") else each.node_code for each in (m.a, m.b))
    return Text(f"zip({', '.join(both)})")


expression(
    "all($shape)",
    to="all(map(possibly, $shape))",
    where=lambda m: m.shape.is_a("shape"),
    cases={"x = x * 2 if all(x.shape) else x": "x = x * 2 if all(map(possibly, shape_list(x))) else x"},
    doc="No size is zero: one that a graph does not know counts as not.",
)
expression(
    "0 in $shape",
    to="any(surely(size == 0) for size in $shape)",
    where=lambda m: m.shape.is_a("shape"),
    cases={"x = x * 2 if 0 in x.shape else x": "x = x * 2 if any(surely(size == 0) for size in shape_list(x)) else x"},
)
expression(
    '$device == torch.device("meta")',
    to="True",
    inside="constructor",
    cases={'self.empty = self.layer.weight.device == torch.device("meta")': "self.empty = True"},
    doc="Whether a weight has numbers yet: in a port's constructor it never has.",
)
expression(
    '$device != torch.device("meta")',
    to="False",
    inside="constructor",
    cases={'self.filled = self.layer.weight.device != torch.device("meta")': "self.filled = False"},
)
statement(
    "$name = $x.device",
    "$name: $type = $x.device",
    to=Drop(),
    where=lambda m: isinstance(m.name.original, cst.Name),
    cases={"device = x.device\nx = x + torch.ones(1, device=device)": "x = x + tf.ones((1,))",
           "device: torch.device = x.device": ""},
    doc="TensorFlow decides where tensors lie.",
)  # fmt: skip


def _is_tuple_pair(m: Match) -> bool:
    both = [m.names.original, m.values.original]
    tuples = [node for node in both if isinstance(node, cst.Tuple)]
    return len(tuples) == 2 and len(tuples[0].elements) == len(tuples[1].elements) and _kept(tuples[0]) != []


def _kept(names: cst.Tuple) -> list[int]:
    """The positions whose name is not that of a device; none where there is nothing else, or no device at all."""
    kept = [
        at for at, e in enumerate(names.elements) if not (isinstance(e.value, cst.Name) and e.value.value == "device")
    ]
    return kept if len(kept) < len(names.elements) else []


@statement(
    "$names = $values",
    where=_is_tuple_pair,
    cases={
        "size, device = x.shape[0], x.device\nx = x + size": "size = shape_list(x)[0]\nx = x + tf.cast(size, x.dtype)"
    },
)
def without_device(m: Match) -> Text:
    """`size, device = x.shape[0], x.device` without what only says where tensors lie."""
    names, values = m.names.elements() or (), m.values.elements() or ()
    assert isinstance(m.names.original, cst.Tuple)
    kept = _kept(m.names.original)
    sides = (", ".join(side[at].node_code for at in kept) for side in (names, values))
    return Text(" = ".join(sides))


statement(
    "$name = $x.numpy()",
    to="$name = to_list($x)",
    where=lambda m: isinstance(m.name.original, cst.Name) and m.x.is_a("tensor") and m.place.goes_through(m.name.code),
    inside="call",
    cases={
        "sizes = torch.tensor([1, 2]).cpu().numpy()\nfor size in sizes:\n    x = x[:, :size]": (
            "sizes = to_list(tf.constant([1, 2], dtype=tf.int64))\nfor size in sizes:\n    x = x[:, :size]"
        )
    },
    doc="A graph has no arrays to go through; how many numbers there are it knows.",
)
statement(
    "$model.warn_if_padding_and_no_attention_mask($*args)",
    to=Drop(),
    cases={"self.warn_if_padding_and_no_attention_mask(None, None)": ""},
)
