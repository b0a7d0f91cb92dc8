"""Rules for Fourier transforms."""

from __future__ import annotations

from collections.abc import Sequence

from porter.rulebook import Call, rule


def _options(call: Call, *names: tuple[str, str]) -> list[str]:
    """The keywords of the runtime's function for the parameters that the caller gave."""
    return [f"{keyword}={getattr(call, name).node_code}" for name, keyword in names if call.given(name)]


def _written(function: str, call: Call, options: Sequence[str]) -> str:
    return f"{function}({', '.join([call.input.node_code, *options])})"


def _norm(call: Call) -> list[str]:
    is_default = not call.given("norm") or call.norm.value() == "backward"
    return [] if is_default else [f"norm={call.norm.node_code}"]


@rule(
    "torch.fft.fft(input, n=None, dim=-1, norm=None)",
    "torch.fft.ifft(input, n=None, dim=-1, norm=None)",
    cases={
        "torch.fft.fft(x)": "tf.signal.fft(tf.cast(x, tf.complex64))",
        "torch.fft.fft(x, dim=1)": "fftn(x, axes=(1,))",
        'torch.fft.fft(x, norm="ortho")': 'fftn(x, axes=(-1,), norm="ortho")',
        "torch.fft.ifft(z)": "tf.signal.ifft(tf.cast(z, tf.complex64))",
        'torch.fft.ifft(z, dim=0, norm="forward")': 'ifftn(z, axes=(0,), norm="forward")',
    },
)
def fft(call: Call) -> str:
    """TensorFlow transforms the last axis of complex numbers."""
    if call.given("n"):
        call.unknown("another length is not covered")
    name = call.signature.name.rpartition(".")[2]
    if call.dim.node_code != "-1" or _norm(call):
        return _written(f"{name}n", call, [f"axes=({call.dim.node_code},)", *_norm(call)])
    return f"tf.signal.{name}(tf.cast({call.input.node_code}, tf.complex64))"


@rule(
    "torch.fft.fftn(input, s=None, dim=None, norm=None)",
    "torch.fft.ifftn(input, s=None, dim=None, norm=None)",
    "torch.fft.rfftn(input, s=None, dim=None, norm=None)",
    "torch.fft.fft2(input, s=None, dim=(-2, -1), norm=None)",
    "torch.fft.ifft2(input, s=None, dim=(-2, -1), norm=None)",
    "torch.fft.rfft2(input, s=None, dim=(-2, -1), norm=None)",
    cases={
        "torch.fft.fftn(x, dim=(1, 2))": "fftn(x, axes=(1, 2))",
        "torch.fft.fftn(x)": "fftn(x)",
        'torch.fft.ifftn(z, norm="ortho")': 'ifftn(z, norm="ortho")',
        'torch.fft.rfftn(x, dim=(1, 2), norm="ortho")': 'rfftn(x, axes=(1, 2), norm="ortho")',
        "torch.fft.fft2(x)": "fftn(x, axes=(-2, -1))",
        'torch.fft.ifft2(z, norm="ortho")': 'ifftn(z, axes=(-2, -1), norm="ortho")',
        'torch.fft.rfft2(x, dim=(0, 1), norm="ortho")': 'rfftn(x, axes=(0, 1), norm="ortho")',
    },
)
def of_axes(call: Call) -> str:
    """One axis after the other."""
    if call.given("s"):
        call.unknown("other lengths are not covered")
    name = call.signature.name.rpartition(".")[2].removesuffix("2").removesuffix("n")
    return _written(f"{name}n", call, [*_axes(call), *_norm(call)])


def _axes(call: Call) -> list[str]:
    return [] if call.dim.node_code == "None" else [f"axes={call.dim.node_code}"]


@rule(
    "torch.fft.irfft2(input, s=None, dim=(-2, -1), norm=None)",
    "torch.fft.irfftn(input, s=None, dim=None, norm=None)",
    cases={
        "torch.fft.irfft2(torch.fft.rfft2(x))": "irfftn(rfftn(x, axes=(-2, -1)), axes=(-2, -1))",
        'torch.fft.irfft2(torch.fft.rfft2(x, dim=(0, 1), norm="ortho"), s=(2, 3), dim=(0, 1), norm="ortho")': (
            'irfftn(rfftn(x, axes=(0, 1), norm="ortho"), (2, 3)[-1], axes=(0, 1), norm="ortho")'
        ),
    },
)
def back_to_real(call: Call) -> str:
    """Of the lengths only the last is not that of the input: the others are given for completeness."""
    length = [f"{call.s.node_code}[-1]"] if call.given("s") else []
    return _written("irfftn", call, [*length, *_axes(call), *_norm(call)])


@rule(
    "torch.fft.rfft(input, n=None, dim=-1, norm=None)",
    "torch.fft.irfft(input, n=None, dim=-1, norm=None)",
    cases={
        "torch.fft.rfft(x)": "tf.signal.rfft(x)",
        "torch.fft.rfft(x, n=3, dim=1)": "rfft(x, 3, axis=1)",
        "torch.fft.irfft(torch.fft.rfft(x))": "tf.signal.irfft(tf.signal.rfft(x))",
        "torch.fft.irfft(torch.fft.rfft(x, dim=1), n=3, dim=1)": "irfft(rfft(x, axis=1), 3, axis=1)",
        'torch.fft.irfft(torch.fft.rfft(x), 4, dim=-1, norm="backward")': "irfft(tf.signal.rfft(x), 4)",
        'torch.fft.rfft(x, dim=1, norm="ortho")': 'rfft(x, axis=1, norm="ortho")',
        'torch.fft.irfft(torch.fft.rfft(x, norm="ortho"), n=4, norm="ortho")': (
            'irfft(rfft(x, norm="ortho"), 4, norm="ortho")'
        ),
    },
)
def real_fft(call: Call) -> str:
    """TensorFlow transforms the last axis."""
    name = call.signature.name.rpartition(".")[2]
    length = [call.n.node_code] if call.given("n") else []
    axis = [f"axis={call.dim.node_code}"] if call.dim.node_code != "-1" else []
    options = [*length, *axis, *_norm(call)]
    return _written(name if options else f"tf.signal.{name}", call, options)


rule(
    "torch.fft.fftshift(input, dim=None)",
    to="tf.signal.fftshift(input, axes=dim)",
    cases={
        "torch.fft.fftshift(x, dim=1)": "tf.signal.fftshift(x, axes=1)",
        "torch.fft.fftshift(x)": "tf.signal.fftshift(x)",
    },
)
rule(
    "torch.fft.ifftshift(input, dim=None)",
    to="tf.signal.ifftshift(input, axes=dim)",
    cases={"torch.fft.ifftshift(x, dim=(1, 2))": "tf.signal.ifftshift(x, axes=(1, 2))"},
)
rule(
    "torch.fft.fftfreq(n, d=1.0)",
    to="tf.constant(np.fft.fftfreq(n, d=d), tf.float32)",
    cases={"torch.fft.fftfreq(5, d=0.5)": "tf.constant(np.fft.fftfreq(5, d=0.5), tf.float32)"},
)
rule(
    "torch.fft.rfftfreq(n, d=1.0)",
    to="tf.constant(np.fft.rfftfreq(n, d=d), tf.float32)",
    cases={"torch.fft.rfftfreq(8)": "tf.constant(np.fft.rfftfreq(8), tf.float32)"},
)

_SIGNATURE = (
    "stft(input, n_fft, hop_length=None, win_length=None, window=None, center=True, pad_mode='reflect', "
    "normalized=False, onesided=None, return_complex=None)"
)


@rule(
    f"torch.{_SIGNATURE}",
    f"torch.Tensor.{_SIGNATURE}",
    cases={
        "torch.stft(u2.repeat(1, 4), 8, hop_length=4, window=torch.ones(8), return_complex=True)": (
            "stft(tf.tile(u2, (1, 4)), 8, hop=4, window=tf.ones((8,)))"
        ),
        "torch.stft(u2, 4, window=u4, center=False, normalized=True, return_complex=True)": (
            "stft(u2, 4, window=u4, center=False, normalized=True)"
        ),
    },
)
def stft(call: Call) -> str:
    """A signal is reflected at its ends; half of the frequencies come back."""
    if call.pad_mode.value() != "reflect" or (call.given("onesided") and call.onesided.value() is False):
        call.unknown("only signals that are reflected, and half of the frequencies, are covered")
    if call.given("win_length") and not call.given("window"):
        call.unknown("a length of the window without a window is not covered")
    names = (("hop_length", "hop"), ("window", "window"), ("center", "center"), ("normalized", "normalized"))
    code = _written("stft", call, [call.n_fft.node_code, *_options(call, *names)])
    return code if call.return_complex.value() else f"view_as_real({code})"


_INVERSE = (
    "istft(input, n_fft, hop_length=None, win_length=None, window=None, center=True, normalized=False, onesided=None, "
    "length=None, return_complex=False)"
)


@rule(
    f"torch.{_INVERSE}",
    f"torch.Tensor.{_INVERSE}",
    cases={
        "torch.istft(torch.stft(u2, 4, 2, window=u4, return_complex=True), 4, 2, window=u4, length=4)": (
            "istft(stft(u2, 4, hop=2, window=u4), 4, hop=2, window=u4, length=4)"
        ),
    },
)
def istft(call: Call) -> str:
    """Half of the frequencies are given, as `stft` returns them."""
    odd = call.given("normalized") and call.normalized.value() is not False
    if odd or (call.given("onesided") and call.onesided.value() is False) or call.return_complex.value():
        call.unknown("only real signals from half of the frequencies, not normalized, are covered")
    names = (("hop_length", "hop"), ("window", "window"), ("center", "center"), ("length", "length"))
    return _written("istft", call, [call.n_fft.node_code, *_options(call, *names)])
