"""Cards of PyTorch's own attention, and of the transformers made of it."""

from __future__ import annotations

from porter.rulebook import Call, Unknown, layer, rule

_BLOCK = (
    "d_model, nhead, dim_feedforward=2048, dropout=0.1, activation=torch.nn.functional.relu, layer_norm_eps=1e-05, "
    "batch_first=False, norm_first=False, bias=True"
)
_OPTIONS = (
    "dim_feedforward", "dropout", "activation", "layer_norm_eps", "batch_first", "norm_first", "bias",
)  # fmt: skip


@layer(
    "torch.nn.MultiheadAttention(embed_dim, num_heads, dropout=0.0, bias=True, add_bias_kv=False, "
    "add_zero_attn=False, kdim=None, vdim=None, batch_first=False)",
    build="None",
    training=True,
    attributes={
        name: f"layer.{name}"
        for name in ("embed_dim", "num_heads", "head_dim", "batch_first", "in_proj_weight", "in_proj_bias", "out_proj")
    },
    cases={
        "nn.MultiheadAttention(4, 2, batch_first=True)": "MultiheadAttention(4, 2, batch_first=True)",
        "nn.MultiheadAttention(4, 2, bias=False)": "MultiheadAttention(4, 2, bias=False)",
        "nn.MultiheadAttention(4, 2, kdim=6, vdim=3)": "MultiheadAttention(4, 2, kdim=6, vdim=3)",
        "nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True)": (
            "MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True)"
        ),
    },
)
def multihead_attention(call: Call) -> str:
    """The same layer; weights lie as PyTorch keeps them."""
    names = ("dropout", "bias", "add_bias_kv", "add_zero_attn", "kdim", "vdim", "batch_first")
    return f"MultiheadAttention({call.embed_dim.node_code}, {call.num_heads.node_code}{_given(call, names)})"


def _given(call: Call, names: tuple[str, ...]) -> str:
    return "".join(f", {name}={getattr(call, name).node_code}" for name in names if name in call.bound.given)


def _block(name: str) -> None:
    @layer(
        f"torch.nn.{name}({_BLOCK})",
        build="None",
        training=True,
        cases={
            f"nn.{name}(4, 2, 8, batch_first=True)": f"{name}(4, 2, dim_feedforward=8, batch_first=True)",
            f'nn.{name}(4, 2, dim_feedforward=8, activation="gelu", norm_first=True)': (
                f'{name}(4, 2, dim_feedforward=8, activation="gelu", norm_first=True)'
            ),
        },
    )
    def block(call: Call) -> str:
        """The same layer, of layers with PyTorch's names."""
        return f"{name}({call.d_model.node_code}, {call.nhead.node_code}{_given(call, _OPTIONS)})"


def _stack(name: str, first: str, member: str) -> None:
    options = ", enable_nested_tensor=True, mask_check=True" if first == "encoder_layer" else ""

    @layer(
        f"torch.nn.{name}({first}, num_layers, norm=None{options})",
        build="None",
        training=True,
        attributes={"layers": "layer.layers", "norm": "layer.norm", "num_layers": "layer.num_layers"},
        cases={f"nn.{name}(nn.{member}(4, 2, 8), 2)": f"{name}({member}(4, 2, dim_feedforward=8), 2)"},
    )
    def stack(call: Call) -> str:
        """Copies of a layer."""
        names = ("norm", "enable_nested_tensor") if options else ("norm",)
        return f"{name}({getattr(call, first).node_code}, {call.num_layers.node_code}{_given(call, names)})"


for _kind in ("Encoder", "Decoder"):
    _block(f"Transformer{_kind}Layer")
    _stack(f"Transformer{_kind}", f"{_kind.lower()}_layer", f"Transformer{_kind}Layer")


@layer(
    "torch.nn.Transformer(d_model=512, nhead=8, num_encoder_layers=6, num_decoder_layers=6, dim_feedforward=2048, "
    "dropout=0.1, activation=torch.nn.functional.relu, custom_encoder=None, custom_decoder=None, "
    "layer_norm_eps=1e-05, batch_first=False, norm_first=False, bias=True)",
    build="None",
    training=True,
    attributes={"encoder": "layer.encoder", "decoder": "layer.decoder", "d_model": "layer.d_model"},
    cases={"nn.Transformer(4, 2, 1, 1, 8)": (
        "Transformer(d_model=4, nhead=2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=8)"
    )},
)  # fmt: skip
def transformer(call: Call) -> str:
    """An encoder and a decoder of one's own are not covered."""
    if call.given("custom_encoder") or call.given("custom_decoder"):
        call.unknown("an encoder or decoder of one's own is not covered")
    names = ("d_model", "nhead", "num_encoder_layers", "num_decoder_layers", *_OPTIONS)
    return f"Transformer({_given(call, names).removeprefix(', ')})"


@rule(
    "torch.nn.functional.multi_head_attention_forward(query, key, value, embed_dim_to_check, num_heads, "
    "in_proj_weight, in_proj_bias, bias_k, bias_v, add_zero_attn, dropout_p, out_proj_weight, out_proj_bias, "
    "training=True, key_padding_mask=None, need_weights=True, attn_mask=None, use_separate_proj_weight=False, "
    "q_proj_weight=None, k_proj_weight=None, v_proj_weight=None, static_k=None, static_v=None, "
    "average_attn_weights=True, is_causal=False)",
    cases={
        "F.multi_head_attention_forward(x, x, x, 4, 2, torch.ones(12, 4), None, None, None, False, 0.0, "
        "torch.ones(3, 4), torch.ones(3))[0]": (
            "multi_head_attention_forward(x, x, x, 2, tf.ones((12, 4)), None, tf.ones((3, 4)), tf.ones((3,)), 0.0)[0]"
        ),
        "F.multi_head_attention_forward(x, x, x, 4, 2, None, torch.ones(12), None, None, False, 0.0, "
        "torch.ones(3, 4), None, use_separate_proj_weight=True, q_proj_weight=torch.ones(4, 4), "
        "k_proj_weight=torch.ones(4, 4), v_proj_weight=torch.ones(4, 4), need_weights=False)[0]": (
            "multi_head_attention_forward(x, x, x, 2, None, tf.ones((12,)), tf.ones((3, 4)), None, 0.0, "
            "need_weights=False, separate_weights=(tf.ones((4, 4)), tf.ones((4, 4)), tf.ones((4, 4))))[0]"
        ),
    },
)
def multi_head_attention_forward(call: Call) -> str:
    """Without the keys and values that PyTorch's layer can add by itself."""
    own = ("bias_k", "bias_v", "static_k", "static_v")
    if any(call.given(name) and getattr(call, name).node_code != "None" for name in own):
        raise Unknown("learned keys and values have no counterpart here: nn.MultiheadAttention has them")
    if call.add_zero_attn.node_code != "False":
        raise Unknown("keys of zeros have no counterpart here: nn.MultiheadAttention has them")
    first = ("query", "key", "value", "num_heads", "in_proj_weight", "in_proj_bias", "out_proj_weight",
             "out_proj_bias", "dropout_p")  # fmt: skip
    named = ("training", "key_padding_mask", "need_weights", "attn_mask", "average_attn_weights")
    given = ", ".join(getattr(call, name).node_code for name in first) + _given(call, named)
    if call.given("use_separate_proj_weight") and call.use_separate_proj_weight.node_code == "True":
        sides = ", ".join(getattr(call, f"{side}_proj_weight").node_code for side in "qkv")
        given += f", separate_weights=({sides})"
    return f"multi_head_attention_forward({given})"


rule(
    "torch.nn.Transformer.generate_square_subsequent_mask(sz, device=None, dtype=None)",
    to='triu(tf.fill((sz, sz), float("-inf")), 1)',
    cases={
        "nn.Transformer.generate_square_subsequent_mask(3)": 'triu(tf.fill((3, 3), float("-inf")), 1)',
    },
)
