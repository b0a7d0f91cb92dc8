"""Cards of normalisation layers. Everything whose default differs between the frameworks is written out."""

from __future__ import annotations

from porter.rulebook import Call, layer


@layer(
    "torch.nn.LayerNorm(normalized_shape, eps=1e-05, elementwise_affine=True, bias=True, device=None, dtype=None)",
    build="(None, None, normalized_shape)",
    attributes={
        "weight": "layer.gamma",
        "bias": "layer.beta",
        "eps": "layer.epsilon",
        "variance_epsilon": "layer.epsilon",
        "normalized_shape": "layer.gamma.shape",
    },
    cases={
        "nn.LayerNorm(4, eps=1e-12)": "keras.layers.LayerNormalization(epsilon=1e-12)",
        "nn.LayerNorm(4)": "keras.layers.LayerNormalization(epsilon=1e-05)",
        "nn.LayerNorm(4, elementwise_affine=False)": (
            "keras.layers.LayerNormalization(epsilon=1e-05, center=False, scale=False)"
        ),
        "nn.LayerNorm(4, bias=False)": "keras.layers.LayerNormalization(epsilon=1e-05, center=False)",
        "nn.LayerNorm((3, 4))": "LayerNorm((3, 4))",
        "nn.LayerNorm([3, 4], eps=1e-6, elementwise_affine=False)": "LayerNorm([3, 4], epsilon=1e-6, affine=False)",
    },
)
def layer_norm(call: Call) -> str:
    """Keras' epsilon is 1e-3 unless given; several axes have a layer of their own."""
    if call.normalized_shape.is_a("tuple") or call.normalized_shape.is_a("list") or call.normalized_shape.elements():
        given = {"epsilon": "eps", "affine": "elementwise_affine", "bias": "bias"}
        named = [f"{ours}={getattr(call, own).node_code}" for ours, own in given.items() if own in call.bound.given]
        return f"LayerNorm({', '.join([call.normalized_shape.node_code, *named])})"
    options = f"epsilon={call.eps.node_code}"
    affine, bias = call.elementwise_affine.node_code, call.bias.node_code
    if affine == "False":
        return f"keras.layers.LayerNormalization({options}, center=False, scale=False)"
    center = bias if affine == "True" else (affine if bias == "True" else f"{affine} and {bias}")
    options += f", center={center}" if center != "True" else ""
    options += f", scale={affine}" if affine != "True" else ""
    return f"keras.layers.LayerNormalization({options})"


def _batch_norm(axes: int) -> None:
    spatial = ", None" * axes

    @layer(
        f"torch.nn.BatchNorm{axes}d(num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)",
        build=f"(None, num_features{spatial})",
        training=True,
        attributes={
            "weight": "layer.gamma",
            "bias": "layer.beta",
            "eps": "layer.epsilon",
            "running_mean": "layer.moving_mean",
            "running_var": "layer.moving_variance",
            "num_features": "layer.num_features",
        },
        cases={
            f"nn.BatchNorm{axes}d(4)": "BatchNorm(4)",
            f"nn.BatchNorm{axes}d(4, eps=1e-3, momentum=0.01)": "BatchNorm(4, epsilon=1e-3, momentum=0.01)",
        },
    )
    def batch_norm(call: Call) -> str:
        """porter.runtime's momentum is PyTorch's, not Keras' complement of it."""
        if not call.track_running_stats.value():
            call.unknown("without running statistics it is not covered")
        parts = [
            ("epsilon", call.eps, "eps"),
            ("momentum", call.momentum, "momentum"),
            ("affine", call.affine, "affine"),
        ]
        given = [f"{name}={arg.node_code}" for name, arg, own in parts if own in call.bound.given]
        return f"BatchNorm({', '.join([call.num_features.node_code, *given])})"


for _axes in (1, 2, 3):
    _batch_norm(_axes)

layer(
    "torch.nn.SyncBatchNorm(num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)",
    to="BatchNorm(num_features, epsilon=eps, momentum=momentum, affine=affine)",
    build="(None, num_features, None, None)",
    training=True,
    cases={"nn.SyncBatchNorm(4)": "BatchNorm(4)"},
)
layer(
    "torch.nn.GroupNorm(num_groups, num_channels, eps=1e-05, affine=True)",
    to="GroupNorm(num_groups, epsilon=eps, affine=affine)",
    build="(None, num_channels, None, None)",
    attributes={"weight": "layer.gamma", "bias": "layer.beta", "eps": "layer.epsilon", "num_groups": "layer.groups"},
    cases={
        "nn.GroupNorm(2, 4)": "GroupNorm(2)",
        "nn.GroupNorm(num_groups=1, num_channels=4, eps=1e-6)": "GroupNorm(1, epsilon=1e-6)",
        "nn.GroupNorm(4, 4, affine=False)": "GroupNorm(4, affine=False)",
    },
)


def _instance_norm(axes: int) -> None:
    spatial = ", None" * axes
    signature = "num_features, eps=1e-05, momentum=0.1, affine=False, track_running_stats=False"

    @layer(
        f"torch.nn.InstanceNorm{axes}d({signature})",
        build=f"(None, num_features{spatial})",
        training=True,
        attributes={"weight": "layer.gamma", "bias": "layer.beta", "eps": "layer.epsilon"},
        cases={
            f"nn.InstanceNorm{axes}d(4)": "InstanceNorm(4)",
            f"nn.InstanceNorm{axes}d(4, affine=True, track_running_stats=True)": (
                "InstanceNorm(4, affine=True, track_running_stats=True)"
            ),
        },
    )
    def instance_norm(call: Call) -> str:
        """Each channel of each row by itself."""
        names = {"epsilon": "eps", "momentum": "momentum", "affine": "affine",
                 "track_running_stats": "track_running_stats"}  # fmt: skip
        given = [f"{ours}={getattr(call, own).node_code}" for ours, own in names.items() if own in call.bound.given]
        return f"InstanceNorm({', '.join([call.num_features.node_code, *given])})"


for _axes in (1, 2, 3):
    _instance_norm(_axes)


@layer(
    "torch.nn.RMSNorm(normalized_shape, eps=None, elementwise_affine=True)",
    build="(None, None, normalized_shape)",
    attributes={"weight": "layer.scale", "eps": "layer.epsilon"},
    cases={"nn.RMSNorm(4, eps=1e-6)": "keras.layers.RMSNormalization(epsilon=1e-6)"},
)
def rms_norm(call: Call) -> str:
    """Without epsilon PyTorch takes the dtype's smallest step."""
    if not call.elementwise_affine.value() or call.normalized_shape.is_a("tuple"):
        call.unknown("only one axis, with a weight, is covered")
    eps = call.eps.node_code if call.given("eps") else "np.finfo(np.float32).eps"
    return f"keras.layers.RMSNormalization(epsilon={eps})"
