"""Losses as functions and as objects; porter.runtime computes them as PyTorch defines them."""

from __future__ import annotations

from porter.rulebook import layer, rule

_F = "torch.nn.functional"

rule(
    f"{_F}.cross_entropy(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, "
    "reduction='mean', label_smoothing=0.0)",
    to="cross_entropy(input, target, weight=weight, ignore_index=ignore_index, reduction=reduction, "
    "label_smoothing=label_smoothing)",
    cases={
        "F.cross_entropy(v, rows_i)": "cross_entropy(v, rows_i)",
        'F.cross_entropy(v, rows_i, ignore_index=1, reduction="sum")': (
            'cross_entropy(v, rows_i, ignore_index=1, reduction="sum")'
        ),
    },
)
rule(
    f"{_F}.nll_loss(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean')",
    to="nll_loss(input, target, weight=weight, ignore_index=ignore_index, reduction=reduction)",
    cases={"F.nll_loss(v, rows_i)": "nll_loss(v, rows_i)"},
)
for _name, _options, _sample in (
    ("mse_loss", "", "x, y"),
    ("l1_loss", "", "x, y"),
    ("smooth_l1_loss", "beta=1.0", "x, y"),
    ("huber_loss", "delta=1.0", "x, y"),
    ("kl_div", "log_target=False", "x, u"),
):
    _extra = f", {_options}" if _options else ""
    _passed = f", {_options.partition('=')[0]}={_options.partition('=')[0]}" if _options else ""
    _order = (
        f"reduction='mean'{_extra}"
        if _name == "huber_loss"
        else (f"size_average=None, reduce=None, reduction='mean'{_extra}")
    )
    rule(
        f"{_F}.{_name}(input, target, {_order})",
        to=f"{_name}(input, target, reduction=reduction{_passed})",
        cases={
            f'F.{_name}({_sample}, reduction="sum")': f'{_name}({_sample}, reduction="sum")',
            f'F.{_name}({_sample}, reduction="none")': f'{_name}({_sample}, reduction="none")',
        },
    )
rule(
    f"{_F}.binary_cross_entropy_with_logits(input, target, weight=None, size_average=None, reduce=None, "
    "reduction='mean', pos_weight=None)",
    to="binary_cross_entropy_with_logits(input, target, weight=weight, reduction=reduction, pos_weight=pos_weight)",
    cases={"F.binary_cross_entropy_with_logits(x, u)": "binary_cross_entropy_with_logits(x, u)"},
)
rule(
    f"{_F}.binary_cross_entropy(input, target, weight=None, size_average=None, reduce=None, reduction='mean')",
    to="binary_cross_entropy(input, target, weight=weight, reduction=reduction)",
    cases={"F.binary_cross_entropy(u, u)": "binary_cross_entropy(u, u)"},
)
rule(
    f"{_F}.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction='mean', "
    "zero_infinity=False)",
    to="ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=blank, reduction=reduction, "
    "zero_infinity=zero_infinity)",
    cases={
        "F.ctc_loss(F.log_softmax(frames, -1), frame_labels, frame_lengths, label_lengths)": (
            "ctc_loss(tf.nn.log_softmax(frames, axis=-1), frame_labels, frame_lengths, label_lengths)"
        )
    },
)

for _name, _parameters in (
    (
        "CrossEntropyLoss",
        "weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean', label_smoothing=0.0",
    ),
    ("NLLLoss", "weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean'"),
    ("MSELoss", "size_average=None, reduce=None, reduction='mean'"),
    ("L1Loss", "size_average=None, reduce=None, reduction='mean'"),
    ("SmoothL1Loss", "size_average=None, reduce=None, reduction='mean', beta=1.0"),
    ("HuberLoss", "reduction='mean', delta=1.0"),
    ("BCEWithLogitsLoss", "weight=None, size_average=None, reduce=None, reduction='mean', pos_weight=None"),
    ("BCELoss", "weight=None, size_average=None, reduce=None, reduction='mean'"),
    ("KLDivLoss", "size_average=None, reduce=None, reduction='mean', log_target=False"),
    ("CTCLoss", "blank=0, reduction='mean', zero_infinity=False"),
):
    _kept = [part.partition("=")[0].strip() for part in _parameters.split(", ")]
    _kept = [part for part in _kept if part not in ("size_average", "reduce")]
    layer(
        f"torch.nn.{_name}({_parameters})",
        *([f"torch.nn.NLLLoss2d({_parameters})"] if _name == "NLLLoss" else []),
        to=f"{_name}({', '.join(f'{part}={part}' for part in _kept)})",
        cases={f'nn.{_name}(reduction="sum")': f'{_name}(reduction="sum")'},
    )
