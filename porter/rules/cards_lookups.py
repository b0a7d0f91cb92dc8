"""Bags of embeddings, bilinear forms, what shuffles channels, and what is refused."""

from __future__ import annotations

from porter.rulebook import Call, layer, refused, rule

_F = "torch.nn.functional"


@layer(
    "torch.nn.EmbeddingBag(num_embeddings, embedding_dim, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, "
    "mode='mean', sparse=False, _weight=None, include_last_offset=False, padding_idx=None)",
    build="None",
    attributes={
        "weight": "layer.embeddings",
        "num_embeddings": "layer.input_dim",
        "embedding_dim": "layer.output_dim",
    },
    cases={
        "nn.EmbeddingBag(5, 3)": "EmbeddingBag(5, 3)",
        'nn.EmbeddingBag(5, 3, mode="sum", padding_idx=2)': 'EmbeddingBag(5, 3, mode="sum", padding_idx=2)',
        'nn.EmbeddingBag(5, 3, mode="max")': 'EmbeddingBag(5, 3, mode="max")',
    },
)
def embedding_bag(call: Call) -> str:
    """One row for each bag."""
    if call.given("max_norm") or call.include_last_offset.code != "False":
        call.unknown("max_norm and include_last_offset are not covered")
    named = "".join(
        f", {name}={getattr(call, name).node_code}" for name in ("mode", "padding_idx") if call.given(name)
    )
    return f"EmbeddingBag({call.num_embeddings.node_code}, {call.embedding_dim.node_code}{named})"


layer(
    "torch.nn.Bilinear(in1_features, in2_features, out_features, bias=True)",
    to="Bilinear(in1_features, in2_features, out_features, bias=bias)",
    build="None",
    cases={
        "nn.Bilinear(4, 4, 3)": "Bilinear(4, 4, 3)",
        "nn.Bilinear(4, 4, 2, bias=False)": "Bilinear(4, 4, 2, bias=False)",
    },
)
rule(
    f"{_F}.bilinear(input1, input2, weight, bias=None)",
    to="bilinear(input1, input2, weight, bias=bias)",
    cases={"F.bilinear(v, a3, back1)": "bilinear(v, a3, back1)"},
)
layer(
    "torch.nn.RReLU(lower=0.125, upper=0.3333333333333333, inplace=False)",
    to="RReLU(lower, upper)",
    training=True,
    cases={"nn.RReLU(0.1, 0.3)": "RReLU(0.1, 0.3)"},
)
rule(
    f"{_F}.rrelu(input, lower=0.125, upper=0.3333333333333333, training=False, inplace=False)",
    to="rrelu(input, lower=lower, upper=upper, training=training)",
    cases={"F.rrelu(x, 0.1, 0.3)": "rrelu(x, lower=0.1, upper=0.3)"},
)
layer(
    "torch.nn.ChannelShuffle(groups)",
    to="Elementwise(channel_shuffle, groups=groups)",
    cases={"nn.ChannelShuffle(2)": "Elementwise(channel_shuffle, groups=2)"},
)
rule(
    f"{_F}.channel_shuffle(input, groups)",
    f"{_F}.native_channel_shuffle(input, groups)",
    "torch.channel_shuffle(input, groups)",
    "torch.native_channel_shuffle(input, groups)",
    to="channel_shuffle(input, groups)",
    cases={"F.channel_shuffle(g, 2)": "channel_shuffle(g, 2)"},
)
layer(
    "torch.nn.LocalResponseNorm(size, alpha=0.0001, beta=0.75, k=1.0)",
    to="Elementwise(local_response_norm, size=size, alpha=alpha, beta=beta, k=k)",
    cases={
        "nn.LocalResponseNorm(3, alpha=0.1)": "Elementwise(local_response_norm, size=3, alpha=0.1)",
        "nn.LocalResponseNorm(2)": "Elementwise(local_response_norm, size=2)",
    },
)
rule(
    f"{_F}.local_response_norm(input, size, alpha=0.0001, beta=0.75, k=1.0)",
    to="local_response_norm(input, size, alpha=alpha, beta=beta, k=k)",
    cases={"F.local_response_norm(g, 3, k=2.0)": "local_response_norm(g, 3, k=2.0)"},
)
layer(
    "torch.nn.Unflatten(dim, unflattened_size)",
    to="Unflatten(dim, unflattened_size)",
    cases={"nn.Unflatten(1, (2, -1))": "Unflatten(1, (2, -1))", "nn.Unflatten(-1, (2, 2))": "Unflatten(-1, (2, 2))"},
)
layer(
    "torch.nn.Fold(output_size, kernel_size, dilation=1, padding=0, stride=1)",
    to="Elementwise(fold, output_size=output_size, kernel_size=kernel_size, dilation=dilation, padding=padding, "
    "stride=stride)",
    cases={"nn.Fold((4, 4), 2, stride=2)": "Elementwise(fold, output_size=(4, 4), kernel_size=2, stride=2)"},
)
layer(
    "torch.nn.UpsamplingNearest2d(size=None, scale_factor=None)",
    to="Upsample(size=size, scale_factor=scale_factor)",
    cases={"nn.UpsamplingNearest2d(scale_factor=2)": "Upsample(scale_factor=2)"},
)


@layer(
    "torch.nn.UpsamplingBilinear2d(size=None, scale_factor=None)",
    cases={
        "nn.UpsamplingBilinear2d(scale_factor=2)": ('Upsample(scale_factor=2, mode="bilinear", align_corners=True)')
    },
)
def upsampling_bilinear(call: Call) -> str:
    """Corners stay where they are."""
    name = "size" if call.given("size") else "scale_factor"
    return f'Upsample({name}={getattr(call, name).node_code}, mode="bilinear", align_corners=True)'


refused(
    *(f"torch.nn.Lazy{name}" for name in ("Linear", *(f"{k}{n}d" for k in (
        "Conv", "ConvTranspose", "BatchNorm", "InstanceNorm") for n in (1, 2, 3)))),
    because="its sizes are only known once data came by; name them and use the layer without Lazy",
)  # fmt: skip
refused(
    *(f"torch.nn.{name}" for name in ("FractionalMaxPool2d", "FractionalMaxPool3d")),
    *(f"{_F}.{name}" for name in ("fractional_max_pool2d", "fractional_max_pool3d")),
    because="its windows are drawn by PyTorch's own random numbers, which TensorFlow does not have",
)
refused(
    "torch.nn.DataParallel",
    "torch.nn.parallel.data_parallel.data_parallel",
    because="sharing work over devices is TensorFlow's own matter; use the module that it wraps",
)
