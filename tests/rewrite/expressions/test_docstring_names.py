"""Docstrings name the port's classes, and leave words of prose that only look like one."""

from types import SimpleNamespace
from typing import Any

from porter.rewrite.expressions.annotations import port_docstring


def test_class_names_are_the_ports_and_hyphenated_words_stay():
    context: Any = SimpleNamespace(
        source=SimpleNamespace(classes={"GPT": SimpleNamespace(kind="model")}), module="modeling_tf_gpt"
    )
    text = "`GPT` is after GPT-2 and mini-GPT."
    assert port_docstring(context, text) == "`TFGPT` is after GPT-2 and mini-GPT."
