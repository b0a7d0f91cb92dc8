"""Cards of recurrent layers and their cells, and what speaks of packed sequences."""

from __future__ import annotations

import libcst as cst

from porter.rulebook import Call, Match, Text, expression, layer, refused, rule

_SIZES = {
    name: f"layer.{name}" for name in ("input_size", "hidden_size", "num_layers", "batch_first", "bidirectional")
}
_OPTIONS = ("bias", "batch_first", "dropout", "bidirectional")


def _sequence(name: str, signature: str, own: tuple[str, ...], cases: dict[str, str]) -> None:
    @layer(f"torch.nn.{name}({signature})", build="None", training=True, attributes=_SIZES, cases=cases)
    def sequence(call: Call) -> str:
        """The same layer; weights lie as PyTorch keeps them."""
        named = [option for option in ("num_layers", *own, *_OPTIONS) if option in call.bound.given]
        given = "".join(f", {option}={getattr(call, option).node_code}" for option in named)
        return f"{name}({call.input_size.node_code}, {call.hidden_size.node_code}{given})"


_COMMON = "bias=True, batch_first=False, dropout=0.0, bidirectional=False"
_sequence(
    "RNN",
    f"input_size, hidden_size, num_layers=1, nonlinearity='tanh', {_COMMON}",
    ("nonlinearity",),
    {"nn.RNN(4, 3)": "RNN(4, 3)", 'nn.RNN(4, 3, nonlinearity="relu")': 'RNN(4, 3, nonlinearity="relu")'},
)
_sequence(
    "GRU",
    f"input_size, hidden_size, num_layers=1, {_COMMON}",
    (),
    {"nn.GRU(4, 3, batch_first=True)": "GRU(4, 3, batch_first=True)",
     "nn.GRU(4, 3, 2, bidirectional=True)": "GRU(4, 3, num_layers=2, bidirectional=True)"},
)  # fmt: skip
_sequence(
    "LSTM",
    f"input_size, hidden_size, num_layers=1, {_COMMON}, proj_size=0",
    ("proj_size",),
    {"nn.LSTM(4, 3, num_layers=2, batch_first=True, bidirectional=True)":
     "LSTM(4, 3, num_layers=2, batch_first=True, bidirectional=True)",
     "nn.LSTM(4, 3, bias=False)": "LSTM(4, 3, bias=False)",
     "nn.LSTM(4, 3, proj_size=2)": "LSTM(4, 3, proj_size=2)"},
)  # fmt: skip
layer(
    "torch.nn.RNNCell(input_size, hidden_size, bias=True, nonlinearity='tanh')",
    to="RNNCell(input_size, hidden_size, bias=bias, nonlinearity=nonlinearity)",
    build="None",
    attributes={"hidden_size": "layer.hidden_size", "input_size": "layer.input_size"},
    cases={"nn.RNNCell(4, 3)": "RNNCell(4, 3)"},
)
for _cell in ("GRUCell", "LSTMCell"):
    layer(
        f"torch.nn.{_cell}(input_size, hidden_size, bias=True)",
        to=f"{_cell}(input_size, hidden_size, bias=bias)",
        build="None",
        attributes={"hidden_size": "layer.hidden_size", "input_size": "layer.input_size"},
        cases={f"nn.{_cell}(4, 3)": f"{_cell}(4, 3)", f"nn.{_cell}(4, 3, bias=False)": f"{_cell}(4, 3, bias=False)"},
    )


refused(
    "torch.nn.utils.rnn.pack_padded_sequence",
    "torch.nn.utils.rnn.pack_sequence",
    "torch.nn.utils.rnn.pad_packed_sequence",
    because="TensorFlow has no packed sequences: give the padded sequence, and mask what lies behind its end",
)
rule(
    "torch.nn.RNNBase.flatten_parameters()",
    to="None",
    cases={"nn.GRU(4, 3).flatten_parameters()": "None"},
    doc="Weights are laid out for cuDNN; a statement of nothing else is removed.",
)


def _may_be_recurrent(m: Match) -> bool:
    """Whether the name is that of a recurrent layer wherever a run has shown it."""
    fact = m.name.fact
    names = {fact.value} if fact is not None and fact.has_value else set()
    return names <= {"GRU", "LSTM", "RNN"} and not m.name.is_literal()


@expression(
    "getattr(nn, $name)($*args)",
    "getattr(torch.nn, $name)($*args)",
    where=_may_be_recurrent,
    inside="constructor",
    cases={
        'kind = "GRU"\nself.rnn = getattr(nn, kind)(8, 8, num_layers=2)': (
            'kind = "GRU"\nself.rnn = {"GRU": GRU, "LSTM": LSTM, "RNN": RNN}[kind](8, 8, num_layers=2)'
        ),
    },
)
def chosen_by_name(m: Match) -> Text:
    """The kinds of recurrent layers take the same arguments in the same order."""
    captured = m.captures["args"]
    assert isinstance(captured, tuple)
    given = []
    for node in captured:
        assert isinstance(node, cst.Arg)
        keyword = f"{node.keyword.value}=" if node.keyword is not None else ""
        given.append(f"{node.star}{keyword}{m.argument(node.value).node_code}")
    return Text(f'{{"GRU": GRU, "LSTM": LSTM, "RNN": RNN}}[{m.name.node_code}]({", ".join(given)})')
