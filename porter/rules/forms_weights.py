"""What a PyTorch file does with weights as such: fills, freezes, registers and hooks them."""

from __future__ import annotations

import libcst as cst

from porter.facts.initialisers import is_initialiser
from porter.rulebook import Arg, Drop, Match, Remark, Text, expression, statement
from porter.rules.creation import INITIAL_VALUES


def _is_weight(m: Match) -> bool:
    """Whether it is a tensor that a layer holds, or is called like one."""
    holder = m.x.original
    return isinstance(holder, cst.Attribute) and (holder.attr.value in ("weight", "bias") or m.x.is_a("tensor"))


statement(
    "$x.data = $value",
    "$x.data[$*part] = $value",
    "$x.data.$method($*args)",
    "$x.data[$*part].$method($*args)",
    to=INITIAL_VALUES,
    where=_is_weight,
    inside="constructor",
    cases={"self.layer.weight.data[:, :2].uniform_(0, 1)": "", "self.layer.bias.data = torch.zeros(8)": ""},
)


def _ties(m: Match) -> bool:
    """Whether a layer is given the weight of another, or one of the class itself."""
    value = m.node.value if isinstance(m.node, cst.Assign) else None
    given = m.place.is_parameter(m.weight.code) if m.source.code == "self" else m.source.is_a("module")
    return given and m.target.is_a("module") and value is not None and m.argument(value).is_a("tensor")


@statement(
    "$target.$name = $source.$weight",
    where=_ties,
    cases={
        "self.plain.weight = self.layer.weight": "tie(self.plain, self.layer)",
        "self.layer.bias = self.holder.inner.bias": 'tie(self.layer, self.holder.inner, "bias")',
    },
)
def tie(m: Match) -> Text:
    """Weights exist when the model is built, and are made one then."""
    names = [f'"{m.name.code}"'] if m.name.code != "weight" else []
    names += [f'"{m.weight.code}"'] if m.weight.code != m.name.code else []
    return Text(f"tie({', '.join([m.target.node_code, m.source.node_code, *names])})")


def _takes_weight(m: Match) -> bool:
    """Whether a layer is given a weight that a variable stands for."""
    is_variable = isinstance(m.value.original, cst.Name) and m.value.is_a("tensor")
    return is_variable and m.target.code != "self" and m.target.is_a("module") and m.name.code in ("weight", "bias")


@statement(
    "$target.$name = $value",
    where=_takes_weight,
    inside="constructor",
    cases={"self.holder.inner.bias = given": 'tie(self.holder.inner, given, "bias")'},
)
def tie_to_variable(m: Match) -> Text:
    """Whichever layer the variable's weight belongs to."""
    name = "" if m.name.code == "weight" else f', "{m.name.code}"'
    return Text(f"tie({m.target.node_code}, {m.value.node_code}{name})")


statement(
    "$x.requires_grad = $flag",
    to=Drop(),
    where=lambda m: m.x.is_a("tensor") and not _is_weight(m),
    cases={"x.requires_grad = False": ""},
    doc="tf.GradientTape follows what it is told to.",
)


def _freezes_one(m: Match) -> bool:
    return _is_weight(m) and m.x.is_a("tensor")


statement(
    "$x.requires_grad = $flag",
    "$x.requires_grad_($flag)",
    "$x.requires_grad_()",
    to=Drop(Remark("which single weights PyTorch freezes here is not ported; they train.")),
    where=_freezes_one,
    cases={"self.layer.bias.requires_grad = False": "", "self.layer.weight.requires_grad_(False)": ""},
)


_DECLARED = frozenset({"data", "requires_grad", "gradient_checkpointing", "_requires_grad", "_is_hf_initialized"})


@statement(
    "$x.$name = $value",
    where=lambda m: m.x.is_a("tensor") and m.name.code not in _DECLARED,
    cases={"x.kept = 1": "", "self.layer.weight._no_weight_decay = True": ""},
)
def attribute_of_tensor(m: Match) -> Drop:
    """TensorFlow's tensors have no attributes of one's own; private ones are marks for an optimiser or a loader."""
    message = f"`{m.x.code}.{m.name.code}` is not set: a tensor of TensorFlow takes no attributes."
    return Drop(None if m.name.code.startswith("_") else Remark(message, "left"))


statement(
    "for $p in $layer.parameters(): $p.requires_grad = $flag",
    "for $p in $layer.parameters(): $p.requires_grad_($flag)",
    "for $n, $p in $layer.named_parameters(): $p.requires_grad = $flag",
    "for $n, $p in $layer.named_parameters(): $p.requires_grad_($flag)",
    "for _, $p in $layer.named_parameters(): $p.requires_grad = $flag",
    to="$layer.trainable = $flag",
    cases={
        "for p in self.layer.parameters():\n    p.requires_grad = False": "self.layer.trainable = False",
        "for name, p in self.layer.named_parameters():\n    p.requires_grad_(False)": "self.layer.trainable = False",
    },
    doc="Weights do not exist yet when a port's constructor runs; layers can be frozen.",
)
statement(
    "for $p in $layer.parameters(): $p.requires_grad_()",
    to="$layer.trainable = True",
    cases={"for p in self.layer.parameters():\n    p.requires_grad_()": "self.layer.trainable = True"},
)


def _freezes_some(m: Match) -> bool:
    """Whether a loop only freezes weights, and asks for their names or counts them before."""
    statements = m.block("body").body
    plain = len(statements) == 1 and not isinstance(statements[0], cst.If)
    return not plain and _only_freezes(m.block("body"))


def _only_freezes(block: cst.BaseSuite) -> bool:
    return all(_freezes(statement) for statement in block.body)


def _freezes(found: cst.CSTNode) -> bool:
    if isinstance(found, cst.If):
        orelse = found.orelse
        rest = orelse is None or (_freezes(orelse) if isinstance(orelse, cst.If) else _only_freezes(orelse.body))
        return _only_freezes(found.body) and rest
    small = found.body[0] if isinstance(found, cst.SimpleStatementLine) and len(found.body) == 1 else found
    written: cst.BaseExpression | None = small.targets[0].target if isinstance(small, cst.Assign) else None
    if isinstance(small, cst.Expr) and isinstance(small.value, cst.Call):
        written = small.value.func
    return isinstance(written, cst.Attribute) and written.attr.value in ("requires_grad", "requires_grad_")


statement(
    "for $p in $layer.parameters(): $body",
    "for $p in $layer.named_parameters(): $body",
    to=Drop(Remark("which single weights PyTorch freezes here is not ported; they train.")),
    where=_freezes_some,
    cases={
        'for name, p in self.layer.named_parameters():\n    if "bias" in name:\n        p.requires_grad = False': "",
    },
)
statement(
    "$layer.requires_grad_($flag)",
    to="$layer.trainable = $flag",
    where=lambda m: m.layer.is_a("module"),
    cases={"self.layer.requires_grad_(False)": "self.layer.trainable = False"},
)
statement(
    "$layer.requires_grad_()",
    to="$layer.trainable = True",
    where=lambda m: m.layer.is_a("module"),
    cases={"self.layer.requires_grad_()": "self.layer.trainable = True"},
)
statement(
    "$kept = $layer.requires_grad_($flag)",
    to="$kept = $layer\n$kept.trainable = $flag",
    where=lambda m: m.layer.is_a("module"),
    cases={
        "kept = self.layer.requires_grad_(False)\nx = kept(x)": (
            "kept = self.layer\nkept.trainable = False\nx = kept(x)"
        ),
    },
)
statement(
    "$layer.apply($function)",
    to=Drop(),
    where=lambda m: m.layer.is_a("module") and not m.place.fills_weights and m.place.initialises(m.function.original),
    cases={"self.layer.apply(fill_with_zeros)": ""},
    doc="Layers start from porter.runtime's initialisation.",
)


def _only_initialises(m: Match) -> bool:
    """Whether what is called only fills weights: a function of the file, or what PyTorch's layers have for it."""
    if m.place.fills_weights:
        return False
    called = m.function.original
    of_layer = isinstance(called, cst.Attribute) and called.attr.value == "reset_parameters"
    return of_layer or m.place.initialises(called)


statement(
    "$function($*args)",
    to=Drop(),
    where=_only_initialises,
    cases={"self.reset_parameters()": "", "self.layer.reset_parameters()": "", "fill_with_zeros(self.layer)": ""},
    doc="The function has no place in the port either.",
)
statement(
    "$function($*args)",
    to=INITIAL_VALUES,
    where=lambda m: (
        not m.place.fills_weights
        and is_initialiser(m.canonical(m.function))
        and not m.place.initialises(m.function.original)
    ),
    cases={"nn.init.xavier_uniform_(self.layer.weight)": ""},
)
expression(
    "$function($x, $*args)",
    to="$x",
    where=lambda m: is_initialiser(m.canonical(m.function)),
    inside="constructor",
    cases={
        "self.start = nn.Parameter(nn.init.normal_(rates, std=0.02))": (
            'self.start = add_parameter(self, "start", rates)'
        ),
    },
    doc="A checkpoint gives other values.",
)
statement(
    "$layer._register_load_state_dict_pre_hook($*args)",
    "$layer.register_load_state_dict_pre_hook($*args)",
    "$layer.register_load_state_dict_post_hook($*args)",
    "$layer._register_state_dict_hook($*args)",
    "$layer.register_state_dict_post_hook($*args)",
    "$layer.register_state_dict_pre_hook($*args)",
    to=Drop(Remark("a hook on PyTorch's state dict is not ported: checkpoints are read as they are stored.")),
    cases={"self.register_state_dict_post_hook(lambda *args: None)": ""},
)


@statement(
    "self.register_buffer($*args)",
    where=lambda m: len(m.rest("args")) > 1,
    inside="constructor",
    cases={
        'self.register_buffer("table", torch.ones(3), persistent=False)': "self.table = tf.ones((3,))",
        'self.register_buffer("table", torch.ones(3))': (
            'self.table = add_parameter(self, "table", tf.ones((3,)), trainable=False)'
        ),
        'for i in range(2):\n    self.register_buffer(f"table_{i}", torch.ones(3), persistent=False)': (
            'for i in range(2):\n    setattr(self, f"table_{i}", tf.ones((3,)))'
        ),
    },
)
def register_buffer(m: Match) -> Text:
    """A weight where the checkpoint holds it, a plain constant elsewhere."""
    name, value, *_ = m.rest("args")
    if not _persistent(m) or value.node_code == "None":
        return _stored(m, name, value.node_code)
    return _stored(m, name, f"add_parameter(self, {name.node_code}, {value.node_code}, trainable=False)")


@statement(
    "self.register_buffer($*args)",
    where=lambda m: (
        len(m.rest("args")) > 1 and not _persistent(m) and isinstance(m.rest("args")[0].original, cst.SimpleString)
    ),
    inside="call",
    cases={'self.register_buffer("table", torch.ones(3), persistent=False)': "self.table = tf.ones((3,))"},
)
def set_buffer(m: Match) -> Text:
    """A constant that a method sets."""
    name, value, *_ = m.rest("args")
    return _stored(m, name, value.node_code)


@statement(
    "self.register_parameter($name, $value)",
    inside="constructor",
    cases={
        'self.register_parameter("absent", None)': "self.absent = None",
        'self.register_parameter("scale", nn.Parameter(rates))': ('self.scale = add_parameter(self, "scale", rates)'),
    },
)
def register_parameter(m: Match) -> Text:
    """`nn.Parameter(value)` says nothing that `add_parameter` does not."""
    made = m.value.original
    if m.value.code == "None":
        return _stored(m, m.name, "None")
    is_parameter = isinstance(made, cst.Call) and m.place.canonical(made.func) == "torch.nn.Parameter"
    inner = m.argument(made.args[0].value) if is_parameter and isinstance(made, cst.Call) else m.value
    return _stored(m, m.name, f"add_parameter(self, {m.name.node_code}, {inner.node_code})")


def _persistent(m: Match) -> bool:
    """Whether the buffer is part of checkpoints."""
    flag = m.keyword("args", "persistent")
    return all(arg.code != "False" for arg in ([flag] if flag is not None else m.rest("args")[2:]))


def _stored(m: Match, name: Arg, code: str) -> Text:
    """`self.name = code`, also under a name that is computed."""
    if not isinstance(name.original, cst.SimpleString):
        return Text(f"setattr(self, {name.node_code}, {code})")
    return Text(f"self.{m.place.own_attribute(str(name.const()))} = {code}")


_WEIGHTS = frozenset({"torch.nn.Parameter", "torch.nn.Buffer"})  # they become weights by themselves


def _is_made_elsewhere(m: Match) -> bool:
    """Whether a parameter of PyTorch's comes from a function, or from who calls the constructor."""
    value = m.value.original
    given = isinstance(value, cst.Name) and value.value in m.place.parameters
    if not (given or isinstance(value, cst.Call)) or not m.place.is_parameter(m.name.code):
        return False
    while isinstance(value, cst.Call) and value.args and is_initialiser(m.place.canonical(value.func)):
        value = value.args[0].value
    return not (isinstance(value, cst.Call) and m.place.canonical(value.func) in _WEIGHTS)


@statement(
    "self.$name = $value",
    where=_is_made_elsewhere,
    inside="constructor",
    cases={"self.scale = make_scale(8)": 'self.scale = add_parameter(self, "scale", make_scale(8))'},
)
def made_elsewhere(m: Match) -> Text:
    """A parameter that a function has made becomes a weight where it is stored."""
    return Text(f'self.{m.name.node_code} = add_parameter(self, "{m.name.code}", {m.value.node_code})')


def _keeps_number(m: Match) -> bool:
    """Whether a float is kept in a tensor, such as `rates[1]`."""
    fact = m.value.fact
    if fact is None or not isinstance(m.value.original, (cst.Name, cst.Subscript)) or fact.names:
        return False
    if m.place.is_parameter(m.name.code):
        return False
    is_scalar = fact.kinds <= {"tensor", "float", "int"} and fact.is_tensor and fact.rank == 0
    return is_scalar and (fact.dtype or "").startswith("float")


statement(
    "self.$name = $value",
    to="self.$name = float($value)",
    where=_keeps_number,
    inside="constructor",
    cases={"self.rate = rates[1]": "self.rate = float(rates[1])"},
    doc="A graph could not branch on a tensor.",
)


@expression(
    "$x.item()",
    where=lambda m: m.fact is not None and len(m.fact.kinds) == 1 and bool(m.fact.kinds & {"float", "int", "bool"}),
    inside="constructor",
    cases={"self.rate = torch.ones(2)[0].item()": "self.rate = float(tf.ones((2,))[0])"},
)
def number(m: Match) -> Text:
    """No graph runs a constructor; a tensor that was kept from there could not be asked."""
    assert m.fact is not None
    return Text(f"{next(iter(m.fact.kinds))}({m.x.node_code})")
