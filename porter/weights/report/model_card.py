"""The model card's words on how to use the TensorFlow weights."""

from __future__ import annotations

import re
from pathlib import Path

from porter.base.reading import read_text
from porter.base.render import render
from porter.runtime.model.transformers4 import FAMILIES
from porter.runtime.stored.checkpoint import inside
from porter.weights.plan.plan import Plan

FILE = "README.md"
SAYS_IT = re.compile(r"porter\.load|tensorflow as tf|from transformers import .*\bTF[A-Z]|return_tensors=.tf")


def write_card(source: Path, output: Path, repo: str, plan: Plan) -> None:
    """Write the source's model card with a section on TensorFlow, where :func:`card_text` has one."""
    text = card_text(source, output, repo, plan)
    if text is not None:
        (output / FILE).write_text(text, encoding="utf-8")


def card_text(source: Path, output: Path, repo: str, plan: Plan) -> str | None:
    """The source's model card with a section on TensorFlow; None where it has no card, or one that says it already.

    Ask when the weights are written: a `tf_model.h5` of some families is loaded by transformers 4 too.
    """
    card = source / FILE
    text = read_text(inside(source, FILE)) if card.exists() else ""
    if not text or SAYS_IT.search(text):
        return None
    stock = any(output.glob("tf_model*.h5")) and FAMILIES.get(plan.model_type) is not None
    section = render("model_card.md.j2", repo=repo, stock_class=plan.class_name if stock else None)
    return f"{text.rstrip()}\n\n{section}"
