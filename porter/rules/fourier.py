"""Rules for Fourier transforms."""

from __future__ import annotations

from porter.rulebook import Call, rule


@rule(
    "torch.fft.fft(input, n=None, dim=-1, norm=None)",
    cases={
        "torch.fft.fft(x)": "tf.signal.fft(tf.cast(x, tf.complex64))",
        "torch.fft.fft(x, dim=1)": "fftn(x, axes=(1,))",
    },
)
def fft(call: Call) -> str:
    """TensorFlow transforms the last axis of complex numbers."""
    _only_default_norm(call)
    if call.given("n"):
        call.unknown("another length is not covered")
    if call.dim.node_code != "-1":
        return f"fftn({call.input.node_code}, axes=({call.dim.node_code},))"
    return f"tf.signal.fft(tf.cast({call.input.node_code}, tf.complex64))"


rule(
    "torch.fft.fftn(input, dim=None)",
    to="fftn(input, axes=dim)",
    cases={"torch.fft.fftn(x, dim=(1, 2))": "fftn(x, axes=(1, 2))", "torch.fft.fftn(x)": "fftn(x)"},
)


@rule(
    "torch.fft.rfft(input, n=None, dim=-1, norm=None)",
    "torch.fft.irfft(input, n=None, dim=-1, norm=None)",
    cases={
        "torch.fft.rfft(x)": "tf.signal.rfft(x)",
        "torch.fft.rfft(x, n=3, dim=1)": "rfft(x, 3, axis=1)",
        "torch.fft.irfft(torch.fft.rfft(x))": "tf.signal.irfft(tf.signal.rfft(x))",
        "torch.fft.irfft(torch.fft.rfft(x, dim=1), n=3, dim=1)": "irfft(rfft(x, axis=1), 3, axis=1)",
        'torch.fft.irfft(torch.fft.rfft(x), 4, dim=-1, norm="backward")': "irfft(tf.signal.rfft(x), 4)",
    },
)
def real_fft(call: Call) -> str:
    """TensorFlow transforms the last axis."""
    _only_default_norm(call)
    name = call.signature.name.rpartition(".")[2]
    length = [call.n.node_code] if call.given("n") else []
    axis = [f"axis={call.dim.node_code}"] if call.dim.node_code != "-1" else []
    home = "" if length or axis else "tf.signal."
    return f"{home}{name}({', '.join([call.input.node_code, *length, *axis])})"


def _only_default_norm(call: Call) -> None:
    if call.given("norm") and call.norm.value() != "backward":
        call.unknown("only norm='backward' is covered")
