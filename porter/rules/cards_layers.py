"""Cards of layers without convolutions: dense, embedding, dropout, activations, shapes.

A case holds the constructor in PyTorch and in Keras; the test copies the weights and compares the results.
"""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rulebook import Call, layer

_LINEAR = {
    "weight": "tf.transpose(layer.kernel)",
    "in_features": "layer.kernel.shape[0]",
    "out_features": "layer.units",
}

layer(
    "torch.nn.Linear(in_features, out_features, bias=True)",
    to="keras.layers.Dense(out_features, use_bias=bias)",
    build="(None, None, in_features)",
    attributes=_LINEAR,
    cases={
        "nn.Linear(4, 3)": "keras.layers.Dense(3)",
        "nn.Linear(4, 3, bias=False)": "keras.layers.Dense(3, use_bias=False)",
    },
)


@layer(
    "torch.nn.Embedding(num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0, "
    "scale_grad_by_freq=False, sparse=False, _weight=None, _freeze=False)",
    build="None",
    attributes={
        "weight": "layer.embeddings",
        "num_embeddings": "layer.input_dim",
        "embedding_dim": "layer.output_dim",
    },
    cases={
        "nn.Embedding(5, 3)": "keras.layers.Embedding(5, 3)",
        "nn.Embedding(5, 3, padding_idx=0)": "Embedding(5, 3, padding_idx=0)",
    },
)
def embedding(call: Call) -> str:
    """A row for padding is zero in a fresh model."""
    sizes = f"{call.num_embeddings.node_code}, {call.embedding_dim.node_code}"
    if call.given("padding_idx") and call.padding_idx.node_code != "None":
        return f"Embedding({sizes}, padding_idx={call.padding_idx.node_code})"
    return f"keras.layers.Embedding({sizes})"


layer(
    "torch.nn.Dropout(p=0.5, inplace=False)",
    "torch.nn.Dropout1d(p=0.5, inplace=False)",
    to="keras.layers.Dropout(p)",
    training=True,
    attributes={"p": "layer.rate"},
    cases={"nn.Dropout(0.1)": "keras.layers.Dropout(0.1)", "nn.Dropout()": "keras.layers.Dropout(0.5)"},
)
layer(
    "torch.nn.AlphaDropout(p=0.5, inplace=False)",
    to="keras.layers.AlphaDropout(p)",
    training=True,
    attributes={"p": "layer.rate"},
    cases={"nn.AlphaDropout(0.1)": "keras.layers.AlphaDropout(0.1)"},
)
for _axes in (2, 3):  # whole channels are dropped
    layer(
        f"torch.nn.Dropout{_axes}d(p=0.5, inplace=False)",
        to=f'keras.layers.SpatialDropout{_axes}D(p, data_format="channels_first")',
        training=True,
        attributes={"p": "layer.rate"},
        cases={
            f"nn.Dropout{_axes}d(0.1)": f'keras.layers.SpatialDropout{_axes}D(0.1, data_format="channels_first")',
        },
    )


for _name, _keras in {
    "Tanh": 'keras.layers.Activation("tanh")',
    "Sigmoid": 'keras.layers.Activation("sigmoid")',
    "Softsign": 'keras.layers.Activation("softsign")',
    "LogSigmoid": 'keras.layers.Activation("log_sigmoid")',
    "Tanhshrink": 'keras.layers.Activation("tanh_shrink")',
}.items():
    layer(f"torch.nn.{_name}()", to=_keras, cases={f"nn.{_name}()": _keras})
for _name, _keras in {
    "ReLU": "keras.layers.ReLU()",
    "ReLU6": 'keras.layers.Activation("relu6")',
    "SiLU": 'keras.layers.Activation("silu")',
    "SELU": 'keras.layers.Activation("selu")',
    "Mish": 'keras.layers.Activation("mish")',
    "Hardswish": 'keras.layers.Activation("hard_silu")',
    "Hardsigmoid": 'keras.layers.Activation("hard_sigmoid")',
}.items():
    layer(f"torch.nn.{_name}(inplace=False)", to=_keras, cases={f"nn.{_name}()": _keras})


@layer(
    "torch.nn.GELU(approximate='none')",
    cases={
        "nn.GELU()": 'keras.layers.Activation("gelu")',
        'nn.GELU(approximate="tanh")': 'keras.layers.Activation(get_tf_activation("gelu_pytorch_tanh"))',
        "nn.GELU(approximate=mode)": (
            'keras.layers.Activation(get_tf_activation("gelu_pytorch_tanh" if mode == "tanh" else "gelu"))'
        ),
    },
)
def gelu(call: Call) -> str:
    """Exact unless asked otherwise, in both; what a variable asks for is seen when the layer is made."""
    if not call.approximate.is_literal():
        name = f'"gelu_pytorch_tanh" if {call.approximate} == "tanh" else "gelu"'
        return f"keras.layers.Activation(get_tf_activation({name}))"
    if call.approximate.value() == "tanh":
        return 'keras.layers.Activation(get_tf_activation("gelu_pytorch_tanh"))'
    return 'keras.layers.Activation("gelu")'


layer(
    "torch.nn.ELU(alpha=1.0, inplace=False)",
    to="keras.layers.ELU(alpha=alpha)",
    cases={"nn.ELU()": "keras.layers.ELU()", "nn.ELU(alpha=0.5)": "keras.layers.ELU(alpha=0.5)"},
)


@layer(
    "torch.nn.LeakyReLU(negative_slope=0.01, inplace=False)",
    cases={
        "nn.LeakyReLU()": "keras.layers.LeakyReLU(negative_slope=0.01)",
        "nn.LeakyReLU(0.1)": "keras.layers.LeakyReLU(negative_slope=0.1)",
    },
)
def leaky_relu(call: Call) -> str:
    """Keras' default slope is 0.3."""
    return f"keras.layers.LeakyReLU(negative_slope={call.negative_slope.node_code})"


@layer(
    "torch.nn.Softplus(beta=1.0, threshold=20.0)",
    cases={
        "nn.Softplus()": 'keras.layers.Activation("softplus")',
        "nn.Softplus(beta=2)": "Elementwise(lambda x: tf.nn.softplus(2 * x) / 2)",
    },
)
def softplus(call: Call) -> str:
    """Only the default slope has a Keras layer; beyond the threshold both are the same to 3e-9."""
    if call.given("beta"):
        return f"Elementwise(lambda x: tf.nn.softplus({call.beta} * x) / {call.beta})"
    return 'keras.layers.Activation("softplus")'


@layer(
    "torch.nn.Softmax(dim=None)",
    cases={"nn.Softmax(dim=-1)": "keras.layers.Softmax(axis=-1)", "nn.Softmax(1)": "keras.layers.Softmax(axis=1)"},
)
def softmax(call: Call) -> str:
    """PyTorch guesses an axis where none is given, and warns."""
    if not call.given("dim"):
        call.unknown("the axis is not given")
    return f"keras.layers.Softmax(axis={call.dim.node_code})"


@layer(
    "torch.nn.LogSoftmax(dim=None)",
    cases={"nn.LogSoftmax(dim=-1)": 'keras.layers.Activation("log_softmax")'},
)
def log_softmax(call: Call) -> str:
    """Keras' activation works on the last axis."""
    if call.dim.value() not in (-1, 2):
        call.unknown("only the last axis is covered")
    return 'keras.layers.Activation("log_softmax")'


layer(
    "torch.nn.Identity(*args)",
    to="keras.layers.Identity()",
    cases={"nn.Identity()": "keras.layers.Identity()"},
)


@layer(
    "torch.nn.Flatten(start_dim=1, end_dim=-1)",
    cases={
        "nn.Flatten()": "keras.layers.Flatten()",
        "nn.Flatten(start_dim=-2)": "Flatten(start_dim=-2)",
        "nn.Flatten(0, 1)": "Flatten(start_dim=0, end_dim=1)",
    },
)
def flatten(call: Call) -> str:
    """Keras' own flattens all axes but the first."""
    if call.start_dim.value() == 1 and call.end_dim.value() == -1:
        return "keras.layers.Flatten()"
    end = f", end_dim={call.end_dim.node_code}" if call.given("end_dim") else ""
    return f"Flatten(start_dim={call.start_dim.node_code}{end})"


def _is_dictionary(node: cst.BaseExpression) -> bool:
    """`OrderedDict(...)`, `dict(...)` and `{...}`."""
    named = m.Name("OrderedDict") | m.Name("dict") | m.Attribute(attr=m.Name("OrderedDict"))
    return m.matches(node, m.Call(func=named) | m.Dict() | m.DictComp())


@layer(
    "torch.nn.Sequential(*layers)",
    training=True,
    cases={
        "nn.Sequential(nn.Linear(4, 3), nn.Tanh())": (
            'Sequential([keras.layers.Dense(3), keras.layers.Activation("tanh")])'
        ),
        'nn.Sequential(OrderedDict([("fc", nn.Linear(4, 3)), ("act", nn.Tanh())]))': (
            'Sequential(OrderedDict([("fc", keras.layers.Dense(3)), ("act", keras.layers.Activation("tanh"))]))'
        ),
    },
)
def sequential(call: Call) -> str:
    """The layers in a list, or in the dictionary that names them."""
    alone = call.variadic[0] if len(call.variadic) == 1 else None
    if alone is not None and (alone.is_a("dict") or _is_dictionary(alone.original)):
        return f"Sequential({alone.node_code})"
    parts = [("*" if arg.starred else "") + arg.node_code for arg in call.variadic]
    if len(call.variadic) == 1 and call.variadic[0].starred:
        return f"Sequential({call.variadic[0].node_code})"
    return f"Sequential([{', '.join(parts)}])"


for _class, _name in {
    "GELUTanh": "gelu_pytorch_tanh",
    "NewGELUActivation": "gelu_new",
    "FastGELUActivation": "gelu_fast",
    "QuickGELUActivation": "quick_gelu",
    "AccurateGELUActivation": "gelu_accurate",
    "LaplaceActivation": "laplace",
    "LinearActivation": "linear",
    "MishActivation": "mish",
    "ReLUSquaredActivation": "relu2",
    "SiLUActivation": "silu",
    "GELUActivation": "gelu",
    "SqrtSoftplusActivation": "sqrtsoftplus",
}.items():
    layer(
        f"transformers.activations.{_class}()",
        to=f'get_tf_activation("{_name}")',
        cases={f"activations.{_class}()": f'get_tf_activation("{_name}")'},
    )
