"""Convolutions and pooling as functions; PyTorch takes one row without its batch axis too."""

from __future__ import annotations

from porter.rulebook import rule

_F = "torch.nn.functional"

for _axes, _case in (
    (1, "h, kernel1, padding=1, groups=2"),
    (2, "g, kernel2, stride=2, padding=1"),
    (3, "volume, kernel3, dilation=2"),
):
    rule(
        f"{_F}.conv{_axes}d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1)",
        to="conv(input, weight, bias=bias, stride=stride, padding=padding, dilation=dilation, groups=groups)",
        cases={
            f"F.conv{_axes}d({_case})": f"conv({_case})",
            f"F.conv{_axes}d({_case.replace(',', '[0],', 1)})": (
                f"conv({_case.replace(',', '[0][tf.newaxis],', 1)})[0]"
            ),
        },
        rank=_axes + 2,
    )
for _axes, _sample in ((1, "h, back1"), (2, "g, back2")):
    rule(
        f"{_F}.conv_transpose{_axes}d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, "
        "dilation=1)",
        to="conv_transpose(input, weight, bias=bias, stride=stride, padding=padding, output_padding=output_padding, "
        "groups=groups, dilation=dilation)",
        cases={
            f"F.conv_transpose{_axes}d({_sample}, stride=2, padding=1)": (
                f"conv_transpose({_sample}, stride=2, padding=1)"
            )
        },
        rank=_axes + 2,
    )
for _axes, _sample in ((1, "h"), (2, "g"), (3, "volume")):
    _divisor = "" if _axes == 1 else ", divisor_override=None"
    rule(
        f"{_F}.avg_pool{_axes}d(input, kernel_size, stride=None, padding=0, ceil_mode=False, "
        f"count_include_pad=True{_divisor})",
        to="avg_pool(input, kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode, "
        "count_include_pad=count_include_pad)",
        cases={
            f"F.avg_pool{_axes}d({_sample}, 3, stride=2, padding=1, count_include_pad=False)": (
                f"avg_pool({_sample}, 3, stride=2, padding=1, count_include_pad=False)"
            ),
            f"F.avg_pool{_axes}d({_sample}, 2)": f"avg_pool({_sample}, 2)",
            f"F.avg_pool{_axes}d({_sample}[0], 2)": f"avg_pool({_sample}[0][tf.newaxis], 2)[0]",
        },
        rank=_axes + 2,
    )
    rule(
        f"{_F}.adaptive_avg_pool{_axes}d(input, output_size)",
        to="adaptive_avg_pool(input, output_size)",
        cases={
            f"F.adaptive_avg_pool{_axes}d({_sample}, 1)": f"adaptive_avg_pool({_sample}, 1)",
            f"F.adaptive_avg_pool{_axes}d({_sample}, 3)": f"adaptive_avg_pool({_sample}, 3)",
            f"F.adaptive_avg_pool{_axes}d({_sample}[0], 3)": f"adaptive_avg_pool({_sample}[0][tf.newaxis], 3)[0]",
        },
        rank=_axes + 2,
    )
