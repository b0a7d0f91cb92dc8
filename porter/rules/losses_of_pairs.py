"""Losses on pairs, triplets, margins and counts, as functions and as layers that call them."""

from __future__ import annotations

from porter.rulebook import layer, rule

_F = "torch.nn.functional"
_OLD = "size_average=None, reduce=None, "
# function -> (layer, tensors, options, PyTorch's parameters behind the tensors, the case's arguments)
_LOSSES = {
    "margin_ranking_loss": ("MarginRankingLoss", "input1, input2, target", "margin=0.0", "v2, v3f, signs"),
    "hinge_embedding_loss": ("HingeEmbeddingLoss", "input, target", "margin=1.0", "v2, signs"),
    "soft_margin_loss": ("SoftMarginLoss", "input, target", "", "v2, signs"),
    "multilabel_soft_margin_loss": ("MultiLabelSoftMarginLoss", "input, target", "weight=None", "v, u[:, :, 0]"),
    "cosine_embedding_loss": ("CosineEmbeddingLoss", "input1, input2, target", "margin=0.0", "x[0], y[0], signs"),
    "multi_margin_loss": ("MultiMarginLoss", "input, target", "p=1, margin=1.0, weight=None", "v, rows_i"),
}
for _name, (_class, _tensors, _options, _sample) in _LOSSES.items():
    _names = [part.partition("=")[0] for part in (*_options.split(", "), "reduction") if part]
    _extra = f"{_options}, " if _options else ""
    _passed = ", ".join(f"{name}={name}" for name in _names)
    rule(
        f"{_F}.{_name}({_tensors}, {_extra}{_OLD}reduction='mean')",
        to=f"{_name}({_tensors}, {_passed})",
        cases={f'F.{_name}({_sample}, reduction="none")': f'{_name}({_sample}, reduction="none")'},
    )
    layer(
        f"torch.nn.{_class}({_extra}{_OLD}reduction='mean')",
        to=f"Elementwise({_name}, {_passed})",
        cases={f'nn.{_class}(reduction="sum")': f'Elementwise({_name}, reduction="sum")'},
    )
layer(
    "torch.nn.PairwiseDistance(p=2.0, eps=1e-06, keepdim=False)",
    to="Elementwise(pairwise_distance, p=p, eps=eps, keepdim=keepdim)",
    cases={"nn.PairwiseDistance(p=1)": "Elementwise(pairwise_distance, p=1)"},
)
rule(
    f"{_F}.triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2, eps=1e-06, swap=False, "
    f"{_OLD}reduction='mean')",
    to="triplet_margin_loss(anchor, positive, negative, margin=margin, p=p, eps=eps, swap=swap, reduction=reduction)",
    cases={
        "F.triplet_margin_loss(v, a3, b3)": "triplet_margin_loss(v, a3, b3)",
        'F.triplet_margin_loss(v, a3, b3, swap=True, reduction="none")': (
            'triplet_margin_loss(v, a3, b3, swap=True, reduction="none")'
        ),
    },
)
layer(
    f"torch.nn.TripletMarginLoss(margin=1.0, p=2.0, eps=1e-06, swap=False, {_OLD}reduction='mean')",
    to="Elementwise(triplet_margin_loss, margin=margin, p=p, eps=eps, swap=swap, reduction=reduction)",
    cases={"nn.TripletMarginLoss(margin=0.5)": "Elementwise(triplet_margin_loss, margin=0.5)"},
)
rule(
    f"{_F}.poisson_nll_loss(input, target, log_input=True, full=False, size_average=None, eps=1e-08, reduce=None, "
    "reduction='mean')",
    to="poisson_nll_loss(input, target, log_input=log_input, full=full, eps=eps, reduction=reduction)",
    cases={
        "F.poisson_nll_loss(x, i2)": "poisson_nll_loss(x, i2)",
        "F.poisson_nll_loss(u, i2, log_input=False, full=True)": (
            "poisson_nll_loss(u, i2, log_input=False, full=True)"
        ),
    },
)
layer(
    "torch.nn.PoissonNLLLoss(log_input=True, full=False, size_average=None, eps=1e-08, reduce=None, reduction='mean')",
    to="Elementwise(poisson_nll_loss, log_input=log_input, full=full, eps=eps, reduction=reduction)",
    cases={"nn.PoissonNLLLoss(full=True)": "Elementwise(poisson_nll_loss, full=True)"},
)
rule(
    f"{_F}.gaussian_nll_loss(input, target, var, full=False, eps=1e-06, reduction='mean')",
    to="gaussian_nll_loss(input, target, var, full=full, eps=eps, reduction=reduction)",
    cases={"F.gaussian_nll_loss(x, y, u, full=True)": "gaussian_nll_loss(x, y, u, full=True)"},
)
layer(
    "torch.nn.GaussianNLLLoss(*, full=False, eps=1e-06, reduction='mean')",
    to="Elementwise(gaussian_nll_loss, full=full, eps=eps, reduction=reduction)",
    cases={"nn.GaussianNLLLoss(full=True)": "Elementwise(gaussian_nll_loss, full=True)"},
)
