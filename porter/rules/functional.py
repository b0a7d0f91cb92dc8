"""Rules for torch.nn.functional."""

from __future__ import annotations

from porter.rulebook import Arg, Call, rule
from porter.rules.matmul import product

_F = "torch.nn.functional"

_ACTIVATIONS = {
    "relu": "tf.nn.relu",
    "relu6": "tf.nn.relu6",
    "silu": "tf.nn.silu",
    "selu": "tf.nn.selu",
    "hardsigmoid": "keras.activations.hard_sigmoid",
    "hardswish": "keras.activations.hard_silu",
    "mish": "keras.activations.mish",
}
for _name, _function in _ACTIVATIONS.items():
    rule(
        f"{_F}.{_name}(input, inplace=False)",
        to=f"{_function}(input)",
        cases={f"F.{_name}(x)": f"{_function}(x)"},
    )
for _name, _function in {
    "sigmoid": "tf.sigmoid",
    "tanh": "tf.tanh",
    "logsigmoid": "tf.math.log_sigmoid",
    "softsign": "tf.nn.softsign",
}.items():
    rule(f"{_F}.{_name}(input)", to=f"{_function}(input)", cases={f"F.{_name}(x)": f"{_function}(x)"})


@rule(
    f"{_F}.leaky_relu(input, negative_slope=0.01, inplace=False)",
    cases={
        "F.leaky_relu(x)": "tf.nn.leaky_relu(x, alpha=0.01)",
        "F.leaky_relu(x, 0.1)": "tf.nn.leaky_relu(x, alpha=0.1)",
    },
)
def leaky_relu(call: Call) -> str:
    """TensorFlow's default slope is 0.2."""
    return f"tf.nn.leaky_relu({call.input.node_code}, alpha={call.negative_slope.node_code})"


@rule(
    f"{_F}.softplus(input, beta=1.0, threshold=20.0)",
    cases={"F.softplus(x)": "tf.nn.softplus(x)", "F.softplus(x, beta=2.0)": "tf.nn.softplus(2.0 * x) / 2.0"},
)
def softplus(call: Call) -> str:
    """Beyond the threshold PyTorch returns the input, which differs by less than 3e-9."""
    if not call.given("beta"):
        return f"tf.nn.softplus({call.input.node_code})"
    return f"tf.nn.softplus({call.beta} * {call.input}) / {call.beta}"


@rule(
    f"{_F}.elu(input, alpha=1.0, inplace=False)",
    cases={"F.elu(x)": "tf.nn.elu(x)", "F.elu(x, alpha=0.5)": "keras.activations.elu(x, alpha=0.5)"},
)
def elu(call: Call) -> str:
    """tf.nn.elu has no alpha."""
    if call.given("alpha"):
        return f"keras.activations.elu({call.input.node_code}, alpha={call.alpha.node_code})"
    return f"tf.nn.elu({call.input.node_code})"


rule(
    f"{_F}.glu(input, dim=-1)",
    to="glu(input, axis=dim)",
    cases={"F.glu(x, dim=-1)": "glu(x)", "F.glu(x, dim=2)": "glu(x, axis=2)"},
)


@rule(
    f"{_F}.dropout(input, p=0.5, training=True, inplace=False)",
    f"{_F}.dropout1d(input, p=0.5, training=True, inplace=False)",
    "torch.dropout(input, p, training)",
    cases={
        "F.dropout(x, p=0.1, training=False)": "dropout(x, 0.1, training=False)",
        "F.dropout(x, 0.0)": "dropout(x, 0.0, training=True)",
    },
)
def dropout(call: Call) -> str:
    """The function drops in training unless told otherwise."""
    return f"dropout({call.input.node_code}, {call.p.node_code}, training={call.training.node_code})"


@rule(
    f"{_F}.dropout2d(input, p=0.5, training=True, inplace=False)",
    f"{_F}.dropout3d(input, p=0.5, training=True, inplace=False)",
    cases={"F.dropout2d(g, 0.1, training=False)": "dropout(g, 0.1, training=False, whole_channels=True)"},
)
def dropout_of_channels(call: Call) -> str:
    """Channels are kept or dropped as a whole."""
    training = call.training.node_code
    return f"dropout({call.input.node_code}, {call.p.node_code}, training={training}, whole_channels=True)"


@rule(
    f"{_F}.linear(input, weight, bias=None)",
    cases={
        "F.linear(x, w)": "tf.matmul(x, w, transpose_b=True)",
        "F.linear(x, w, v3f)": "tf.matmul(x, w, transpose_b=True) + v3f",
        "F.linear(v, w.t())": "tf.matmul(v, w)",
        "F.linear(x, v4)": "tf.tensordot(x, v4, axes=1)",
    },
)
def linear(call: Call) -> str:
    """PyTorch's weight is the transpose of a Keras kernel."""
    code = _product(call.input, call.weight)
    if not call.given("bias"):
        return code
    if call.bias.fact is not None and (call.bias.fact.optional or call.bias.fact.is_none):
        return f"({code} if {call.bias.node_code} is None else {code} + {call.bias})"
    return f"{code} + {call.bias}"


def _product(left: Arg, weight: Arg) -> str:
    """The product with a transposed matrix, or with a vector."""
    if weight.fact is not None and weight.fact.rank == 1:
        return f"tf.tensordot({left.node_code}, {weight.node_code}, axes=1)"
    inner = _untransposed(weight.node_code)
    return f"tf.matmul({left.node_code}, {inner or weight.node_code}{', transpose_b=True' if inner is None else ''})"


def _untransposed(code: str) -> str | None:
    """What stands inside `tf.transpose(...)` of a matrix."""
    if code.startswith("tf.transpose(") and code.endswith(")") and product("", code) != f"tf.matmul(, {code})":
        return code.removeprefix("tf.transpose(").removesuffix(")") if "perm=" not in code else None
    return None


@rule(
    f"{_F}.embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False)",
    cases={"F.embedding(i % 3, w)": "tf.gather(w, i % 3)"},
)
def embedding(call: Call) -> str:
    """The padding index only stops gradients."""
    return f"tf.gather({call.weight.node_code}, {call.input.node_code})"


@rule(
    f"{_F}.one_hot(tensor, num_classes=-1)",
    cases={
        "F.one_hot(i, num_classes=5)": "tf.one_hot(i, 5, dtype=tf.int64)",
        "F.one_hot(i)": "tf.one_hot(i, tf.cast(tf.reduce_max(i) + 1, tf.int32), dtype=tf.int64)",
    },
)
def one_hot(call: Call) -> str:
    """int64, and as many classes as there are unless given."""
    classes = call.num_classes.node_code
    if call.num_classes.is_literal() and call.num_classes.const() == -1:
        classes = f"tf.cast(tf.reduce_max({call.tensor.node_code}) + 1, tf.int32)"
    elif call.num_classes.is_a("tensor"):
        classes = f"tf.cast({classes}, tf.int32)"
    return f"tf.one_hot({call.tensor.node_code}, {classes}, dtype=tf.int64)"


@rule(
    f"{_F}.normalize(input, p=2.0, dim=1, eps=1e-12, out=None)",
    cases={
        "F.normalize(x, dim=-1)": "tf.math.l2_normalize(x, axis=-1, epsilon=1e-24)",
        "F.normalize(x, p=2, dim=-1, eps=1e-5)": "tf.math.l2_normalize(x, axis=-1, epsilon=1e-05**2)",
    },
)
def normalize(call: Call) -> str:
    """PyTorch bounds the norm, TensorFlow its square."""
    if call.p.value() not in (2, 2.0):
        call.unknown("only the Euclidean norm is covered")
    epsilon = f"{call.eps.const()}**2" if call.given("eps") and call.eps.is_literal() else None
    epsilon = epsilon or (f"{call.eps}**2" if call.given("eps") else "1e-24")
    return f"tf.math.l2_normalize({call.input.node_code}, axis={call.dim.node_code}, epsilon={epsilon})"


@rule(
    f"{_F}.pad(input, pad, mode='constant', value=None)",
    cases={
        "F.pad(x, (1, 0))": "tf.pad(x, [[0, 0], [0, 0], [1, 0]])",
        "F.pad(i, (0, 2), value=-100)": "tf.pad(i, [[0, 0], [0, 2]], constant_values=-100)",
        "F.pad(x, (0, 0, 1, 2), value=0.5)": "tf.pad(x, [[0, 0], [1, 2], [0, 0]], constant_values=0.5)",
        "F.pad(x, (0, -1))": "pad(x, (0, -1))",
        'F.pad(x, (1, 1), mode="reflect")': 'tf.pad(x, [[0, 0], [0, 0], [1, 1]], mode="REFLECT")',
        'F.pad(x, (1, 1), mode="replicate")': 'pad(x, (1, 1), mode="replicate")',
    },
)
def pad(call: Call) -> str:
    """PyTorch counts pairs from the last axis, and crops where a number is negative."""
    parts = call.pad.elements()
    mode = call.mode.value()
    rank = call.input.fact.rank if call.input.fact is not None else None
    if parts is None or rank is None or mode not in ("constant", "reflect") or any(_negative(p) for p in parts):
        return _general_pad(call)
    pairs = [f"[{parts[n].node_code}, {parts[n + 1].node_code}]" for n in range(0, len(parts) - 1, 2)]
    paddings = ["[0, 0]"] * (rank - len(pairs)) + pairs[::-1]
    options = ', mode="REFLECT"' if mode == "reflect" else ""
    if call.given("value") and not (call.value.is_literal() and call.value.const() == 0):
        options = f", constant_values={call.value.node_code}"
    return f"tf.pad({call.input.node_code}, [{', '.join(paddings)}]{options})"


def _negative(arg: Arg) -> bool:
    """Whether the number may be negative: it was, or it was never seen."""
    if arg.starred:
        return True
    if arg.is_literal():
        value = arg.const()
        return isinstance(value, int) and value < 0
    if arg.fact is None or not arg.fact.has_value:
        return arg.fact is None or "-" in arg.node_code
    return isinstance(arg.fact.value, int) and arg.fact.value < 0


def _general_pad(call: Call) -> str:
    mode = f", mode={_quoted(call.mode)}" if call.given("mode") and call.mode.node_code != '"constant"' else ""
    value = f", value={call.value.node_code}" if call.given("value") else ""
    return f"pad({call.input.node_code}, {call.pad.node_code}{mode}{value})"


def _quoted(arg: Arg) -> str:
    return f'"{arg.const()}"' if arg.is_literal() else arg.node_code


rule(
    f"{_F}.interpolate(input, size=None, scale_factor=None, mode='nearest', align_corners=None, "
    "recompute_scale_factor=None, antialias=False)",
    f"{_F}.upsample(input, size=None, scale_factor=None, mode='nearest', align_corners=None)",
    to="interpolate(input, size=size, scale_factor=scale_factor, mode=mode, align_corners=align_corners, "
    "recompute_scale_factor=recompute_scale_factor, antialias=antialias)",
    cases={
        'F.interpolate(g, size=(4, 6), mode="bilinear", align_corners=False)': (
            'interpolate(g, size=(4, 6), mode="bilinear", align_corners=False)'
        ),
        'F.interpolate(g, scale_factor=2, mode="nearest")': "interpolate(g, scale_factor=2)",
        'F.interpolate(g, size=(3, 3), mode="bicubic")': 'interpolate(g, size=(3, 3), mode="bicubic")',
        'F.interpolate(g, size=(2, 7), mode="bilinear", antialias=True)': (
            'interpolate(g, size=(2, 7), mode="bilinear", antialias=True)'
        ),
    },
)
rule(
    f"{_F}.layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-05)",
    "torch.layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-05)",
    to="layer_norm(input, normalized_shape, weight=weight, bias=bias, eps=eps)",
    cases={"F.layer_norm(x, (4,), v4, v4, 1e-6)": "layer_norm(x, (4,), weight=v4, bias=v4, eps=1e-6)"},
)
rule(
    f"{_F}.rms_norm(input, normalized_shape, weight=None, eps=None)",
    to="rms_norm(input, normalized_shape, weight=weight, eps=eps)",
    cases={"F.rms_norm(x, (4,), v4, 1e-6)": "rms_norm(x, (4,), weight=v4, eps=1e-6)"},
)
rule(
    f"{_F}.group_norm(input, num_groups, weight=None, bias=None, eps=1e-05)",
    to="group_norm(input, num_groups, weight=weight, bias=bias, eps=eps)",
    cases={"F.group_norm(g, 2)": "group_norm(g, 2)"},
)
rule(
    f"{_F}.cosine_similarity(x1, x2, dim=1, eps=1e-08)",
    "torch.cosine_similarity(x1, x2, dim=1, eps=1e-08)",
    to="cosine_similarity(x1, x2, axis=dim)",
    cases={"F.cosine_similarity(x, y, dim=-1)": "cosine_similarity(x, y, axis=-1)"},
)
rule(
    f"{_F}.scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, "
    "scale=None, enable_gqa=False)",
    to="scaled_dot_product_attention(query, key, value, attn_mask=attn_mask, dropout_p=dropout_p, "
    "is_causal=is_causal, scale=scale, enable_gqa=enable_gqa)",
    cases={
        "F.scaled_dot_product_attention(x, y, y)": "scaled_dot_product_attention(x, y, y)",
        "F.scaled_dot_product_attention(x, x, y, is_causal=True)": (
            "scaled_dot_product_attention(x, x, y, is_causal=True)"
        ),
    },
)
rule(
    f"{_F}.pixel_shuffle(input, upscale_factor)",
    "torch.pixel_shuffle(input, upscale_factor)",
    to="pixel_shuffle(input, upscale_factor)",
    cases={"F.pixel_shuffle(g, 2)": "pixel_shuffle(g, 2)"},
)
rule(
    f"{_F}.pixel_unshuffle(input, downscale_factor)",
    "torch.pixel_unshuffle(input, downscale_factor)",
    to="pixel_unshuffle(input, downscale_factor)",
    cases={"F.pixel_unshuffle(g, 2)": "pixel_unshuffle(g, 2)"},
)
rule(
    f"{_F}.unfold(input, kernel_size, dilation=1, padding=0, stride=1)",
    to="unfold(input, kernel_size, dilation=dilation, padding=padding, stride=stride)",
    cases={"F.unfold(g, (2, 2), stride=2)": "unfold(g, (2, 2), stride=2)"},
)
rule(
    f"{_F}.fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1)",
    to="fold(input, output_size, kernel_size, dilation=dilation, padding=padding, stride=stride)",
    cases={
        "F.fold(F.unfold(g, 3, padding=1), (4, 4), 3, padding=1)": (
            "fold(unfold(g, 3, padding=1), (4, 4), 3, padding=1)"
        )
    },
)
rule(
    f"{_F}.batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, "
    "eps=1e-05)",
    to="batch_norm(input, running_mean, running_var, weight=weight, bias=bias, eps=eps)",
    cases={"F.batch_norm(g, v4, u4, eps=1e-3)": "batch_norm(g, v4, u4, eps=1e-3)"},
)
rule(
    f"{_F}.gumbel_softmax(logits, tau=1.0, hard=False, eps=1e-10, dim=-1)",
    to="gumbel_softmax(logits, tau=tau, hard=hard, axis=dim)",
    cases={"F.gumbel_softmax(x, hard=True).sum(-1)": "tf.reduce_sum(gumbel_softmax(x, hard=True), axis=-1)"},
)
rule(
    f"{_F}.embedding_bag(input, weight, offsets=None, max_norm=None, norm_type=2, scale_grad_by_freq=False, "
    "mode='mean', sparse=False, per_sample_weights=None)",
    to="embedding_bag(input, weight, per_sample_weights=per_sample_weights, mode=mode)",
    cases={
        "F.embedding_bag(i % 3, w)": "embedding_bag(i % 3, w)",
        'F.embedding_bag(i % 3, w, mode="sum", per_sample_weights=v)': (
            'embedding_bag(i % 3, w, per_sample_weights=v, mode="sum")'
        ),
    },
)
rule(
    "torch.nn.utils.rnn.pad_sequence(sequences, batch_first=False, padding_value=0.0)",
    to="pad_sequence(sequences, batch_first=batch_first, padding_value=padding_value)",
    cases={
        "torch.nn.utils.rnn.pad_sequence([v1, v4], batch_first=True)": "pad_sequence([v1, v4], batch_first=True)",
        "torch.nn.utils.rnn.pad_sequence([w, w2], padding_value=-1.0)": "pad_sequence([w, w2], padding_value=-1.0)",
    },
)
