"""What constructors and calls do with layers as such: add, take away, ask for their kind, choose by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

import libcst as cst

from porter.rulebook import Drop, Match, Remark, Text, expression, find_card, statement
from porter.rulebook.call import Arg

_ANY = "torch.nn.Module"
_TENSORS = frozenset({"torch.Tensor", "torch.FloatTensor", "torch.LongTensor"})

expression(
    "$x.__getattr__($name)",
    to="getattr($x, $name)",
    cases={'x = self.__getattr__("layer")(x)': 'x = getattr(self, "layer")(x)'},
    doc="Keras' layers find their attributes as all objects do.",
)


def _is_of_library(m: Match) -> bool:
    """Whether the table of activations is that of transformers, not one of the file's own with its name."""
    lookup = m.node.func if isinstance(m.node, cst.Call) else m.node
    table = m.place.resolve(cst.ensure_type(lookup, cst.Subscript).value)
    if table is None:
        return True
    from transformers.activations import ACT2CLS, ACT2FN

    return table is ACT2CLS or table is ACT2FN


expression(
    "ACT2FN[$name]",
    "activations.ACT2FN[$name]",
    to="get_tf_activation($name)",
    where=_is_of_library,
    cases={'x = ACT2FN["gelu"](x)': 'x = get_tf_activation("gelu")(x)'},
)
expression(
    "ACT2CLS[$name]()",
    to="get_tf_activation($name)",
    where=_is_of_library,
    cases={'self.act = ACT2CLS["relu"]()': 'self.act = get_tf_activation("relu")'},
    inside="constructor",
    doc="An activation is a function already.",
)
expression(
    "ACT2CLS[$name]",
    to="lambda: get_tf_activation($name)",
    where=_is_of_library,
    cases={
        'act_layer = ACT2CLS["relu"]\nself.act = act_layer()': (
            'act_layer = lambda: get_tf_activation("relu")\nself.act = act_layer()'
        )
    },
    doc="A class is called to give the activation.",
)
expression(
    "$interfaces.get_interface($name, $eager)",
    to="$eager",
    doc="The eager attention function stands beside the interface's name.",
    cases={'x = interfaces.get_interface("eager", torch.tanh)(x)': "x = tf.tanh(x)"},
)


def _names_attention(m: Match) -> bool:
    return isinstance(m.name.original, cst.SimpleString)


@expression(
    "$x._attn_implementation == $name",
    where=_names_attention,
    cases={'if self._attn_implementation == "eager":\n    x = x + 1': "x = x + 1"},
)
def has_attention(m: Match) -> Text:
    """A port computes attention in the plain way, which transformers calls eager."""
    return Text(str(_is_eager(m)))


@expression(
    "$x._attn_implementation != $name",
    where=_names_attention,
    cases={'if self._attn_implementation != "eager":\n    x = interfaces[self._attn_implementation](x)': ""},
)
def has_other_attention(m: Match) -> Text:
    """The same the other way round."""
    return Text(str(not _is_eager(m)))


def _has_eager(m: Match) -> bool:
    classes = m.place.resolve(m.classes.original)
    return isinstance(classes, Mapping) and "eager" in classes


expression(
    "$classes[$x._attn_implementation]",
    where=_has_eager,
    to='$classes["eager"]',
    cases={"x = attentions[self._attn_implementation](x)": 'x = attentions["eager"](x)'},
    doc="One of the file's own classes; a configuration that was saved does not say which.",
)


def _is_eager(m: Match) -> bool:
    return isinstance(m.name.original, cst.SimpleString) and m.name.original.evaluated_value == "eager"


@expression(
    "isinstance($x, $kind)",
    where=lambda m: m.canonical(m.kind) in {*_TENSORS, _ANY} or find_card(m.canonical(m.kind)) is not None,
    cases={
        "x = self.layer(x) if isinstance(self.layer, nn.Module) else x": (
            "x = self.layer(x) if isinstance(self.layer, keras.layers.Layer) else x"
        ),
        "x = x * 2 if isinstance(x, torch.Tensor) else x": "x = x * 2 if tf.is_tensor(x) else x",
        "if isinstance(self.layer, nn.Linear):\n    x = self.layer(x)": (
            "if isinstance(self.layer, keras.layers.Dense):\n    x = self.layer(x)"
        ),
    },
)
def is_instance(m: Match) -> Text:
    """The Keras class that the layer is ported to."""
    card = find_card(m.canonical(m.kind))
    if m.canonical(m.kind) == _ANY:
        return Text(f"isinstance({m.x.node_code}, keras.layers.Layer)")
    if card is None:
        return Text(f"tf.is_tensor({m.x.node_code})")
    return Text(f"isinstance({m.x.node_code}, {card.keras_class})")


expression(
    "type($x) is $kind",
    "type($x) == $kind",
    to="tf.is_tensor($x)",
    where=lambda m: m.canonical(m.kind) in _TENSORS,
    cases={"x = x * 2 if type(x) is torch.Tensor else x": "x = x * 2 if tf.is_tensor(x) else x"},
    doc="A tensor of TensorFlow has one of several classes.",
)


def _has_own_class(kind: str) -> bool:
    return kind in {*_TENSORS, _ANY} or find_card(kind) is not None


def _names_own_class(m: Match) -> bool:
    kinds = m.kinds.original
    return isinstance(kinds, cst.Tuple) and any(
        _has_own_class(m.canonical(m.argument(each.value))) for each in kinds.elements
    )


@expression(
    "isinstance($x, $kinds)",
    where=_names_own_class,
    cases={
        "x = x * 2 if isinstance(x, (torch.Tensor, list)) else x": (
            "x = x * 2 if isinstance(x, (tf.Tensor, list)) else x"
        ),
        "if isinstance(self.layer, (nn.Linear, nn.Conv1d)):\n    x = self.layer(x)": (
            "if isinstance(self.layer, (keras.layers.Dense, Conv1D)):\n    x = self.layer(x)"
        ),
    },
)
def is_one_of(m: Match) -> Text:
    """Each class as the one that stands for it."""
    assert isinstance(m.kinds.original, cst.Tuple)  # see `_names_own_class`
    names = ", ".join(_own_class(m, m.argument(each.value)) for each in m.kinds.original.elements)
    return Text(f"isinstance({m.x.node_code}, ({names}))")


def _own_class(m: Match, kind: Arg) -> str:
    name = m.canonical(kind)
    card = find_card(name)
    if name in _TENSORS:
        return "tf.Tensor"
    return "keras.layers.Layer" if name == _ANY else kind.node_code if card is None else str(card.keras_class)


def _has_answer(m: Match) -> bool:
    return isinstance(m.name.original, cst.SimpleString) and (
        m.owner.code == "self" or inspect.ismodule(m.place.resolve(m.owner.original))
    )


@expression(
    "hasattr($owner, $name)",
    where=_has_answer,
    cases={'x = x * 2 if hasattr(self, "layer") else x': 'x = x * 2 if hasattr(self, "layer") else x'},
)
def has_attribute(m: Match) -> Text:
    """What PyTorch's modules have is known; an attribute may have another name in the port."""
    name = str(m.name.const())
    if m.owner.code == "self":
        return Text(f'hasattr(self, "{m.place.own_attribute(name)}")')
    return Text(str(hasattr(m.place.resolve(m.owner.original), name)))


@expression(
    "getattr($owner, $name)",
    where=lambda m: (
        getattr(m.place.resolve(m.owner.original), "__name__", None) == "torch"
        and (m.fact is None or m.fact.only("dtype"))
    ),
    cases={"self.dtype_ = getattr(torch, config.precision)": "self.dtype_ = tf.as_dtype(config.precision)"},
    inside="constructor",
)
def dtype_by_name(m: Match) -> Text:
    """The dtype of that name."""
    return Text(f"tf.as_dtype({m.name.node_code})")


expression(
    "next($layer.parameters()).device",
    "next($layer.buffers()).device",
    to="None",
    cases={"x = x + torch.ones(1, device=next(self.layer.parameters()).device)": "x = x + tf.ones((1,))"},
    doc="TensorFlow decides where tensors lie.",
)
expression(
    "next($layer.parameters()).dtype",
    "next($layer.buffers()).dtype",
    to="tf.as_dtype($layer.compute_dtype)",
    cases={
        "x = x.to(next(self.layer.parameters()).dtype)": "x = tf.cast(x, tf.as_dtype(self.layer.compute_dtype))",
    },
    doc="A layer has a type before it has weights.",
)
statement(
    "$parent._modules[$name] = $new",
    to="add_layer($parent, $name, $new)",
    inside="constructor",
    cases={
        'self.holder._modules["inner"] = nn.Identity()': 'add_layer(self.holder, "inner", keras.layers.Identity())'
    },
    doc="Keras keeps no table of its layers that could be written to.",
)


def _gives_bias(m: Match) -> bool:
    made = m.value.original
    return (
        isinstance(made, cst.Call)
        and m.place.canonical(made.func) == "torch.nn.Parameter"
        and m.layer.code.startswith("self.")
    )


statement(
    "$layer.bias = $value",
    to="add_bias($layer, $value)",
    where=_gives_bias,
    cases={"self.plain.bias = nn.Parameter(torch.ones(8))": "add_bias(self.plain, tf.ones((8,)))"},
    inside="constructor",
    doc="A layer that was made without a bias has no place for one.",
)


@statement(
    "$layer.$name = None",
    where=lambda m: m.layer.code != "self" and m.place.is_child(m.layer.original, m.name.code),
    cases={"self.holder.inner = None": 'remove_layer(self.holder, "inner")'},
)
def take_away(m: Match) -> Text:
    """Keras would go on to track the layer."""
    return Text(m.fill('remove_layer($layer, "$name")'))


statement(
    "$model.generation_config = $value",
    to=Drop(Remark("the configuration of generation is read with the checkpoint.")),
    cases={"self.generation_config = None": ""},
)
statement(
    "$x.gradient_checkpointing = $value",
    "$x._requires_grad = $value",
    "$x._is_hf_initialized = $value",
    to=Drop(),
    cases={"self.gradient_checkpointing = False": ""},
    doc="What steers PyTorch's memory or transformers' loading.",
)
statement(
    "$layer.eval()",
    "$layer.train()",
    to=Drop(),
    inside="constructor",
    cases={"self.plain.eval()": ""},
    doc="Whoever uses the model says afterwards whether it trains; in TensorFlow each call does.",
)
expression(
    "$x.gradient_checkpointing",
    "$x.is_activation_checkpointing",
    to="False",
    cases={"x = x * 2 if self.gradient_checkpointing else x": ""},
)
