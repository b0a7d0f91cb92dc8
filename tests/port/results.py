"""Results of the chain as JSON, as its summary and its command take them."""

from typing import Any

from porter.port.class_result import LOADING, ClassResult, Side
from porter.port.coverage import Coverage

FULL: dict[str, tuple[str, ...]] = dict.fromkeys(LOADING, ())
IDLE = Coverage(1, 2, (), ("input_ids",), {"pixel_values": "modeling_tf_x.py:3"})
NOTE = {"level": "left", "file": "modeling_x.py", "line": 7, "message": "torch.f has no rule.", "hint": "porter rules"}


def entry(name: str = "TFX", eager: float | None = 2e-7, ok: bool = True, **weights: list[str]) -> dict[str, Any]:
    side = Side(ok, eager, "" if ok else "logits differs.")
    return result(name, eager=side, graph=side, weights={**FULL, **{kind: tuple(n) for kind, n in weights.items()}})


def result(name: str = "TFX", **fields: Any) -> dict[str, Any]:
    good = {"eager": Side(True, 2e-7), "graph": Side(True, 2e-7), "weights": FULL}
    return ClassResult(name, **{**good, **fields}).to_json()


def report(*classes: dict[str, Any], notes: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    seconds = {"trace": 1.5, "verify": 2.0}
    return {"schema": 1, "classes": list(classes), "not_compared": [], "notes": list(notes), "seconds": seconds}
