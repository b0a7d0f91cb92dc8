"""Cards of convolutions and pooling: porter.runtime keeps PyTorch's layout (batch, channels, ...)."""

from __future__ import annotations

from porter.rulebook import Call, layer

_SPATIAL = {1: "None", 2: "None, None", 3: "None, None, None"}
_ATTRIBUTES = {
    "bias": "layer.bias",
    "stride": "layer.strides",
    "kernel_size": "layer.kernel_size",
    "out_channels": "layer.filters",
    "padding": "layer.padding",
    "dilation": "layer.dilation_rate",
    "groups": "layer.groups",
}
_KERNEL_AXES = {1: "2, 1, 0", 2: "3, 2, 0, 1", 3: "4, 3, 0, 1, 2"}


def _convolution(axes: int) -> None:
    name = f"Conv{axes}D"
    parameters = (
        "in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True, "
        "padding_mode='zeros'"
    )
    layer(
        f"torch.nn.Conv{axes}d({parameters})",
        f"torch.nn.utils.parametrize.ParametrizedConv{axes}d({parameters})",
        to=f"{name}(out_channels, kernel_size, strides=stride, padding=padding, dilation_rate=dilation, "
        "groups=groups, use_bias=bias, padding_mode=padding_mode)",
        build=f"(None, in_channels, {_SPATIAL[axes]})",
        attributes={
            "weight": f"tf.transpose(layer.kernel, perm=[{_KERNEL_AXES[axes]}])",
            "in_channels": "layer.in_channels",
            **_ATTRIBUTES,
        },
        cases={
            f"nn.Conv{axes}d(4, 6, 2)": f"{name}(6, 2)",
            f"nn.Conv{axes}d(4, 6, kernel_size=3, stride=2, padding=1, bias=False)": (
                f"{name}(6, 3, strides=2, padding=1, use_bias=False)"
            ),
            f"nn.Conv{axes}d(4, 4, 3, padding=1, groups=4)": f"{name}(4, 3, padding=1, groups=4)",
            f"nn.Conv{axes}d(4, 6, 2, dilation=2, groups=2)": f"{name}(6, 2, dilation_rate=2, groups=2)",
            f'nn.Conv{axes}d(4, 6, 3, padding="same")': f'{name}(6, 3, padding="same")',
        },
    )


def _transposed(axes: int) -> None:
    name = f"Conv{axes}DTranspose"
    parameters = (
        "in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1, bias=True, "
        "dilation=1, padding_mode='zeros'"
    )
    layer(
        f"torch.nn.ConvTranspose{axes}d({parameters})",
        f"torch.nn.utils.parametrize.ParametrizedConvTranspose{axes}d({parameters})",
        to=f"{name}(out_channels, kernel_size, strides=stride, padding=padding, output_padding=output_padding, "
        "groups=groups, use_bias=bias, dilation_rate=dilation)",
        build=f"(None, in_channels, {_SPATIAL[axes]})",
        attributes={"weight": f"tf.transpose(layer.kernel, perm=[{_KERNEL_AXES[axes]}])", **_ATTRIBUTES},
        cases={
            f"nn.ConvTranspose{axes}d(4, 6, 2, stride=2)": f"{name}(6, 2, strides=2)",
            f"nn.ConvTranspose{axes}d(4, 6, 3, stride=2, padding=1, output_padding=1, bias=False)": (
                f"{name}(6, 3, strides=2, padding=1, output_padding=1, use_bias=False)"
            ),
        },
    )


def _max_pooling(axes: int) -> None:
    options = ("stride", "padding", "dilation", "ceil_mode")

    @layer(
        f"torch.nn.MaxPool{axes}d(kernel_size, stride=None, padding=0, dilation=1, return_indices=False, "
        "ceil_mode=False)",
        cases={
            f"nn.MaxPool{axes}d(2)": f"MaxPool{axes}D(2)",
            f"nn.MaxPool{axes}d(3, stride=2, padding=1)": f"MaxPool{axes}D(3, stride=2, padding=1)",
        },
    )
    def max_pooling(call: Call) -> str:
        """With the places of the maxima where they are asked for."""
        named = "".join(f", {name}={getattr(call, name).node_code}" for name in options if call.given(name))
        if call.return_indices.code == "False":
            return f"MaxPool{axes}D({call.kernel_size.node_code}{named})"
        if call.given("ceil_mode"):
            call.unknown("places of maxima are not covered together with ceil_mode")
        return f"Elementwise(max_pool_with_indices, kernel_size={call.kernel_size.node_code}{named})"


def _pooling(axes: int) -> None:
    divisor = "" if axes == 1 else ", divisor_override=None"
    layer(
        f"torch.nn.AvgPool{axes}d(kernel_size, stride=None, padding=0, ceil_mode=False, "
        f"count_include_pad=True{divisor})",
        to=f"AvgPool{axes}D(kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode, "
        "count_include_pad=count_include_pad)",
        cases={
            f"nn.AvgPool{axes}d(2)": f"AvgPool{axes}D(2)",
            f"nn.AvgPool{axes}d(3, stride=2, padding=1)": f"AvgPool{axes}D(3, stride=2, padding=1)",
        },
    )
    layer(
        f"torch.nn.AdaptiveAvgPool{axes}d(output_size)",
        to=f"AdaptiveAvgPool{axes}D(output_size)",
        cases={
            f"nn.AdaptiveAvgPool{axes}d(1)": f"AdaptiveAvgPool{axes}D(1)",
            f"nn.AdaptiveAvgPool{axes}d(3)": f"AdaptiveAvgPool{axes}D(3)",
        },
    )
    layer(
        f"torch.nn.AdaptiveMaxPool{axes}d(output_size, return_indices=False)",
        to=f"AdaptiveMaxPool{axes}D(output_size)",
        cases={f"nn.AdaptiveMaxPool{axes}d(2)": f"AdaptiveMaxPool{axes}D(2)"},
    )


for _axes in (1, 2, 3):
    _convolution(_axes)
    _transposed(_axes)
    _max_pooling(_axes)
    _pooling(_axes)


@layer(
    "transformers.pytorch_utils.Conv1D(nf, nx)",
    build="(None, None, nx)",
    cases={"Conv1D(3, 4)": "TFConv1D(3, 4)"},
)
def transformers_conv1d(call: Call) -> str:
    """A dense layer whose weight lies as Keras' kernel does."""
    return f"TFConv1D({call.nf.node_code}, {call.nx.node_code})"
