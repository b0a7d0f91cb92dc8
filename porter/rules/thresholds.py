"""Activations that cut, shrink or bend, and distances, as functions and as layers."""

from __future__ import annotations

from porter.rulebook import Call, layer, rule

_F = "torch.nn.functional"


@rule(
    f"{_F}.hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False)",
    cases={
        "F.hardtanh(x)": "tf.clip_by_value(x, -1.0, 1.0)",
        "F.hardtanh(x, 0.0, 0.5)": "tf.clip_by_value(x, 0.0, 0.5)",
    },
)
def cut(call: Call) -> str:
    """Cut at both ends."""
    return f"tf.clip_by_value({call.input.node_code}, {call.min_val.node_code}, {call.max_val.node_code})"


@layer(
    "torch.nn.Hardtanh(min_val=-1.0, max_val=1.0, inplace=False)",
    cases={
        "nn.Hardtanh()": 'keras.layers.Activation("hard_tanh")',
        "nn.Hardtanh(0.0, 0.5)": "Elementwise(tf.clip_by_value, clip_value_min=0.0, clip_value_max=0.5)",
    },
)
def hardtanh(call: Call) -> str:
    """Keras' own cuts at -1 and 1."""
    if not call.given("min_val") and not call.given("max_val"):
        return 'keras.layers.Activation("hard_tanh")'
    bounds = f"clip_value_min={call.min_val.node_code}, clip_value_max={call.max_val.node_code}"
    return f"Elementwise(tf.clip_by_value, {bounds})"


def _with_threshold(name: str, function: str, parameter: str, keyword: str, default: str) -> None:
    """An activation with one number, whose default is the same in both frameworks."""
    rule(
        f"{_F}.{name.lower()}(input, {parameter}={default})",
        to=f"{function}(input, {keyword}={parameter})",
        cases={f"F.{name.lower()}(x)": f"{function}(x)", f"F.{name.lower()}(x, 0.3)": f"{function}(x, {keyword}=0.3)"},
    )
    layer(
        f"torch.nn.{name}({parameter}={default})",
        to=f"Elementwise({function}, {keyword}={parameter})",
        cases={
            f"nn.{name}()": f"Elementwise({function})",
            f"nn.{name}(0.3)": f"Elementwise({function}, {keyword}=0.3)",
        },
    )


_with_threshold("Softshrink", "keras.activations.soft_shrink", "lambd", "threshold", "0.5")
_with_threshold("Hardshrink", "keras.activations.hard_shrink", "lambd", "threshold", "0.5")
_with_threshold("CELU", "keras.activations.celu", "alpha", "alpha", "1.0")
rule(
    f"{_F}.threshold(input, threshold, value, inplace=False)",
    to="keras.activations.threshold(input, threshold, value)",
    cases={"F.threshold(x, 0.1, 20.0)": "keras.activations.threshold(x, 0.1, 20.0)"},
)
layer(
    "torch.nn.Threshold(threshold, value, inplace=False)",
    to="Elementwise(keras.activations.threshold, threshold=threshold, default_value=value)",
    cases={"nn.Threshold(0.1, 20.0)": "Elementwise(keras.activations.threshold, threshold=0.1, default_value=20.0)"},
)
rule(
    f"{_F}.tanhshrink(input)",
    to="keras.activations.tanh_shrink(input)",
    cases={"F.tanhshrink(x)": "keras.activations.tanh_shrink(x)"},
)
rule(
    f"{_F}.softmin(input, dim=None)",
    to="tf.nn.softmax(-input, axis=dim)",
    cases={"F.softmin(x, dim=1)": "tf.nn.softmax(-x, axis=1)"},
)
layer(
    "torch.nn.Softmin(dim=None)",
    to="Elementwise(lambda x: tf.nn.softmax(-x, axis=dim))",
    cases={"nn.Softmin(dim=1)": "Elementwise(lambda x: tf.nn.softmax(-x, axis=1))"},
)
layer(
    "torch.nn.Softmax2d()",
    to="keras.layers.Softmax(axis=-3)",
    cases={"nn.Softmax2d()": "keras.layers.Softmax(axis=-3)"},
)
rule(
    f"{_F}.prelu(input, weight)",
    "torch.prelu(input, weight)",
    to="prelu(input, weight)",
    cases={"F.prelu(x, v2)": "prelu(x, v2)"},
)
layer(
    "torch.nn.PReLU(num_parameters=1, init=0.25)",
    to="PReLU(num_parameters=num_parameters, init=init)",
    build="None",
    attributes={"weight": "layer.alpha", "num_parameters": "layer.num_parameters"},
    cases={"nn.PReLU()": "PReLU()", "nn.PReLU(4)": "PReLU(num_parameters=4)"},
)
layer(
    "torch.nn.CosineSimilarity(dim=1, eps=1e-08)",
    to="Elementwise(cosine_similarity, axis=dim, eps=eps)",
    cases={"nn.CosineSimilarity(dim=2)": "Elementwise(cosine_similarity, axis=2)"},
)


@rule(
    f"{_F}.pairwise_distance(x1, x2, p=2.0, eps=1e-06, keepdim=False)",
    "torch.pairwise_distance(x1, x2, p=2.0, eps=1e-06, keepdim=False)",
    cases={
        "F.pairwise_distance(w, w2[:1])": "tf.norm(w - w2[:1] + 1e-06, axis=-1)",
        "F.pairwise_distance(x, y, keepdim=True)": "tf.norm(x - y + 1e-06, axis=-1, keepdims=True)",
    },
)
def pairwise_distance(call: Call) -> str:
    """Only the Euclidean one is covered."""
    if call.given("p") and call.p.value() != 2:
        call.unknown("only p=2 is covered")
    keepdims = f", keepdims={call.keepdim.node_code}" if call.given("keepdim") else ""
    return f"tf.norm({call.x1} - {call.x2} + {call.eps.node_code}, axis=-1{keepdims})"


@rule(
    f"{_F}.instance_norm(input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, "
    "momentum=0.1, eps=1e-05)",
    cases={
        "F.instance_norm(g)": "group_norm(g, shape_list(g)[1])",
        "F.instance_norm(g, weight=v4, bias=v4)": "group_norm(g, shape_list(g)[1], weight=v4, bias=v4)",
    },
)
def instance_norm(call: Call) -> str:
    """As many groups as channels; running statistics are not covered."""
    if call.given("running_mean") or (call.given("use_input_stats") and call.use_input_stats.value() is not True):
        call.unknown("running statistics are not covered")
    given = [f"{name}={getattr(call, name).node_code}" for name in ("weight", "bias", "eps") if call.given(name)]
    return f"group_norm({', '.join([call.input.node_code, f'shape_list({call.input.node_code})[1]', *given])})"


@rule(
    f"{_F}.gelu(input, approximate='none')",
    cases={
        "F.gelu(x)": "tf.nn.gelu(x)",
        'F.gelu(x, approximate="tanh")': "tf.nn.gelu(x, approximate=True)",
        "F.gelu(x, approximate=mode)": 'tf.nn.gelu(x, approximate=mode == "tanh")',
    },
)
def gelu(call: Call) -> str:
    """Exact unless asked otherwise, in both."""
    if not call.approximate.is_literal():
        return f'tf.nn.gelu({call.input.node_code}, approximate={call.approximate} == "tanh")'
    if call.approximate.const() == "tanh":
        return f"tf.nn.gelu({call.input.node_code}, approximate=True)"
    return f"tf.nn.gelu({call.input.node_code})"
