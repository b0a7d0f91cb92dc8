"""The model card's words on how to use the TensorFlow weights."""

from __future__ import annotations

import re
from pathlib import Path

from porter.base.render import render
from porter.runtime.model.transformers4 import FAMILIES
from porter.weights.plan.plan import Plan

FILE = "README.md"
SAYS_IT = re.compile(r"porter\.load|tensorflow as tf|from transformers import .*\bTF[A-Z]|return_tensors=.tf")


def write_card(source: Path, output: Path, repo: str, plan: Plan) -> None:
    """Write the source's model card with a section on TensorFlow, unless it has no card or one that says it already.

    Call it when the weights are written: a `tf_model.h5` of some families is loaded by transformers 4 too.
    """
    card = source / FILE
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    if not text or SAYS_IT.search(text):
        return
    stock = any(output.glob("tf_model*.h5")) and FAMILIES.get(plan.model_type) is not None
    section = render("model_card.md.j2", repo=repo, stock_class=plan.class_name if stock else None)
    (output / FILE).write_text(f"{text.rstrip()}\n\n{section}", encoding="utf-8")
