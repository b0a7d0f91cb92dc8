"""Of a class that differs or stops: the module, the lines of both files and the cause, as `porter diff` finds them."""

from __future__ import annotations

from typing import Any

from diffcheck import InputsRefused, Options, Report, diff
from porter.base.reasons import kind_and_reason
from porter.subject.inputs.arrays import Inputs


def trace_failure(model: Any, port: Any, inputs: Inputs) -> tuple[str, ...]:
    """What a comparison module by module says: the module, its lines in both files, and the cause where it is known.

    Empty where no module is to blame, or the comparison itself stops.
    """
    try:
        report = diff(model, port, inputs, Options(layer_by_layer=True, cached_step=False))
    except InputsRefused:
        return ()
    except Exception as error:  # noqa: BLE001 - what is broken in a port may break its comparison too
        return (f"porter's own diff of it stopped: {kind_and_reason(error)}",)
    return tuple(_lines(report))


def _lines(report: Report) -> list[str]:
    if report.crash is not None:
        place = f" at {report.crash.file}:{report.crash.line}" if report.crash.file else ""
        return [f"it stops in {report.crash.module or 'the model itself'}{place}: {report.crash.message}"]
    origin = report.origin
    if origin is None:
        return [f"weight {weight.name} differs" for weight in report.weights[:3]]
    lines = [f"{origin.path or 'the model itself'} differs by itself, on PyTorch's own inputs"]
    for label, where in (("PyTorch", origin.torch), ("TensorFlow", origin.tf)):
        if where is not None:
            lines.append(f"{label:<10} {where}: {where.text.strip()}".rstrip(": "))
    if origin.statement:
        lines.append(origin.statement)
    if origin.cause:
        lines.append(f"cause: {origin.cause}")
    return lines
