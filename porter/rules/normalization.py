"""Cards of normalisation layers. Everything whose default differs between the frameworks is written out."""

from __future__ import annotations

from porter.rules import Call, layer


@layer(
    "torch.nn.LayerNorm(normalized_shape, eps=1e-05, elementwise_affine=True, bias=True)",
    build="(None, None, normalized_shape)",
    attributes={
        "weight": "layer.gamma",
        "bias": "layer.beta",
        "eps": "layer.epsilon",
        "variance_epsilon": "layer.epsilon",
    },
    cases={
        "nn.LayerNorm(4, eps=1e-12)": "keras.layers.LayerNormalization(epsilon=1e-12)",
        "nn.LayerNorm(4)": "keras.layers.LayerNormalization(epsilon=1e-05)",
        "nn.LayerNorm(4, elementwise_affine=False)": (
            "keras.layers.LayerNormalization(epsilon=1e-05, center=False, scale=False)"
        ),
        "nn.LayerNorm(4, bias=False)": "keras.layers.LayerNormalization(epsilon=1e-05, center=False)",
    },
)
def layer_norm(call: Call) -> str:
    """Keras' epsilon is 1e-3 unless given."""
    if call.normalized_shape.is_a("tuple") or call.normalized_shape.is_a("list") or call.normalized_shape.elements():
        call.unknown("several normalised axes are not covered")
    options = f"epsilon={call.eps.node_code}"
    affine, bias = call.elementwise_affine.node_code, call.bias.node_code
    if affine == "False":
        return f"keras.layers.LayerNormalization({options}, center=False, scale=False)"
    center = bias if affine == "True" else (affine if bias == "True" else f"{affine} and {bias}")
    options += f", center={center}" if center != "True" else ""
    options += f", scale={affine}" if affine != "True" else ""
    return f"keras.layers.LayerNormalization({options})"
