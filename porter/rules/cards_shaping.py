"""Cards of layers that rearrange, enlarge or frame."""

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


for _axes in (1, 2, 3):
    _pad(f"ZeroPad{_axes}d", _axes, "constant")
    _pad(f"ConstantPad{_axes}d", _axes, "constant", "value")
    _pad(f"ReflectionPad{_axes}d", _axes, "reflect")
    _pad(f"ReplicationPad{_axes}d", _axes, "replicate")
    _pad(f"CircularPad{_axes}d", _axes, "circular")
