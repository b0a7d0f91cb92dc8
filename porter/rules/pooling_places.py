"""Pooling as functions, with the places of maxima where they are asked for, and back from there."""

from __future__ import annotations

from porter.rulebook import Call, layer, rule

_F = "torch.nn.functional"


def _max_pool(axes: int, sample: str) -> None:
    options = ("stride", "padding", "dilation", "ceil_mode")
    parameters = "input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False"

    @rule(
        f"{_F}.max_pool{axes}d({parameters})",
        f"{_F}.max_pool{axes}d_with_indices({parameters})",
        f"torch.max_pool{axes}d({parameters})",
        rank=axes + 2,
        cases={
            f"F.max_pool{axes}d({sample}, 2, stride=1, padding=1)": f"max_pool({sample}, 2, stride=1, padding=1)",
            f"F.max_pool{axes}d({sample}[0], 2)": f"max_pool({sample}[0][tf.newaxis], 2)[0]",
            f"F.max_pool{axes}d({sample}, 3, stride=2, padding=1, return_indices=True)[1]": (
                f"max_pool_with_indices({sample}, 3, stride=2, padding=1)[1]"
            ),
        },
    )
    def max_pool(call: Call) -> str:
        """With the places of the maxima where they are asked for."""
        named = "".join(f", {name}={getattr(call, name).node_code}" for name in options if call.given(name))
        with_places = call.signature.name.endswith("_indices") or call.return_indices.value() is True
        if with_places and call.given("ceil_mode"):
            call.unknown("places of maxima are not covered together with ceil_mode")
        function = "max_pool_with_indices" if with_places else "max_pool"
        return f"{function}({call.input.node_code}, {call.kernel_size.node_code}{named})"


def _others(axes: int, sample: str) -> None:
    layer(
        f"torch.nn.LPPool{axes}d(norm_type, kernel_size, stride=None, ceil_mode=False)",
        to="Elementwise(lp_pool, norm_type=norm_type, kernel_size=kernel_size, stride=stride, ceil_mode=ceil_mode)",
        cases={f"nn.LPPool{axes}d(2, 2)": "Elementwise(lp_pool, norm_type=2, kernel_size=2)"},
    )
    rule(
        f"{_F}.lp_pool{axes}d(input, norm_type, kernel_size, stride=None, ceil_mode=False)",
        to="lp_pool(input, norm_type, kernel_size, stride=stride, ceil_mode=ceil_mode)",
        rank=axes + 2,
        cases={f"F.lp_pool{axes}d({sample}, 2, 3, stride=1)": f"lp_pool({sample}, 2, 3, stride=1)"},
    )
    layer(
        f"torch.nn.MaxUnpool{axes}d(kernel_size, stride=None, padding=0)",
        to="Elementwise(max_unpool, kernel_size=kernel_size, stride=stride, padding=padding)",
        cases={f"nn.MaxUnpool{axes}d(2, stride=2)": "Elementwise(max_unpool, kernel_size=2, stride=2)"},
    )
    pooled = f"*F.max_pool{axes}d({sample}, 2, return_indices=True)"
    rule(
        f"{_F}.max_unpool{axes}d(input, indices, kernel_size, stride=None, padding=0, output_size=None)",
        to="max_unpool(input, indices, kernel_size, stride=stride, padding=padding, output_size=output_size)",
        cases={
            f"F.max_unpool{axes}d({pooled[1:]}[0], {pooled[1:]}[1], 2, output_size={sample}.shape)": (
                f"max_unpool(max_pool_with_indices({sample}, 2)[0], max_pool_with_indices({sample}, 2)[1], 2, "
                f"output_size=shape_list({sample}))"
            )
        },
    )
    rule(
        f"{_F}.adaptive_max_pool{axes}d(input, output_size, return_indices=False)",
        to=f"AdaptiveMaxPool{axes}D(output_size)(input)",
        rank=axes + 2,
        cases={f"F.adaptive_max_pool{axes}d({sample}, 2)": f"AdaptiveMaxPool{axes}D(2)({sample})"},
    )


for _axes, _sample in ((1, "h"), (2, "g"), (3, "volume")):
    _max_pool(_axes, _sample)
    _others(_axes, _sample)
