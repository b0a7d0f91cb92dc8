"""Cards of layers that rearrange, enlarge or frame, and of PyTorch's own attention."""

from __future__ import annotations

from porter.rulebook import Call, layer

layer(
    "torch.nn.PixelShuffle(upscale_factor)",
    to="PixelShuffle(upscale_factor)",
    cases={"nn.PixelShuffle(2)": "PixelShuffle(2)"},
)
layer(
    "torch.nn.PixelUnshuffle(downscale_factor)",
    to="PixelUnshuffle(downscale_factor)",
    cases={"nn.PixelUnshuffle(2)": "PixelUnshuffle(2)"},
)
layer("torch.nn.GLU(dim=-1)", to="GLU(dim=dim)", cases={"nn.GLU()": "GLU()", "nn.GLU(dim=2)": "GLU(dim=2)"})
layer(
    "torch.nn.Upsample(size=None, scale_factor=None, mode='nearest', align_corners=None)",
    to="Upsample(size=size, scale_factor=scale_factor, mode=mode, align_corners=align_corners)",
    cases={
        "nn.Upsample(scale_factor=2)": "Upsample(scale_factor=2)",
        'nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)': (
            'Upsample(scale_factor=2, mode="bilinear", align_corners=True)'
        ),
        'nn.Upsample(scale_factor=2, mode="bicubic")': 'Upsample(scale_factor=2, mode="bicubic")',
        'nn.Upsample(size=(3, 5), mode="bilinear")': 'Upsample(size=(3, 5), mode="bilinear")',
    },
)
layer(
    "torch.nn.Unfold(kernel_size, dilation=1, padding=0, stride=1)",
    to="Unfold(kernel_size, dilation=dilation, padding=padding, stride=stride)",
    cases={"nn.Unfold(2, stride=2)": "Unfold(2, stride=2)"},
)


def _pad(name: str, axes: int, mode: str, value: str = "") -> None:
    parameters = "padding, value" if value else "padding"
    named_mode = f', mode="{mode}"' if mode != "constant" else ""
    sample = f"nn.{name}(1, 0.5)" if value else f"nn.{name}(1)"
    expected = f"Pad(1{named_mode}{', value=0.5' if value else ''}, axes={axes})"

    @layer(f"torch.nn.{name}({parameters})", cases={sample: expected})
    def pad(call: Call) -> str:
        """One number frames all sides."""
        given = named_mode + (f", value={call.value.node_code}" if value else "")
        return f"Pad({call.padding.node_code}{given}, axes={axes})"


for _axes in (1, 2):
    _pad(f"ZeroPad{_axes}d", _axes, "constant")
    _pad(f"ConstantPad{_axes}d", _axes, "constant", "value")
    _pad(f"ReflectionPad{_axes}d", _axes, "reflect")
    _pad(f"ReplicationPad{_axes}d", _axes, "replicate")


@layer(
    "torch.nn.MultiheadAttention(embed_dim, num_heads, dropout=0.0, bias=True, add_bias_kv=False, "
    "add_zero_attn=False, kdim=None, vdim=None, batch_first=False)",
    build="None",
    training=True,
    cases={
        "nn.MultiheadAttention(4, 2, batch_first=True)": "MultiheadAttention(4, 2, batch_first=True)",
        "nn.MultiheadAttention(4, 2, bias=False)": "MultiheadAttention(4, 2, bias=False)",
    },
)
def multihead_attention(call: Call) -> str:
    """Keys and values of other sizes are not covered."""
    if call.given("kdim") or call.given("vdim") or call.add_bias_kv.value() or call.add_zero_attn.value():
        call.unknown("other sizes of keys and values, or added ones, are not covered")
    names = [name for name in ("dropout", "bias", "batch_first") if name in call.bound.given]
    options = "".join(f", {name}={getattr(call, name).node_code}" for name in names)
    return f"MultiheadAttention({call.embed_dim.node_code}, {call.num_heads.node_code}{options})"
