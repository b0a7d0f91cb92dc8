"""Formatting, and the marks that become the source map."""

from porter.rewrite.text.format import format_code, shared_findings, split_line_marks


def test_marks_become_the_source_map():
    assert split_line_marks("a = 1  # noqa: L7\nb = 2\nc = 3  # mine\n") == ("a = 1\nb = 2\nc = 3  # mine\n", {1: 7})


def test_a_mark_does_not_break_a_line():
    code = f"value = function({'argument, ' * 9}last_one)"
    assert len(code) < 119
    formatted = format_code(f"{code}  # noqa: L12345\n")
    assert formatted == f"{code}  # noqa: L12345\n"


def test_unused_imports_and_variables_go_and_all_is_sorted():
    code = "import os\nimport ast\n__all__ = ['b', 'a']\ndef f():\n    x = 1\n    return ast\n"
    assert format_code(code) == 'import ast\n\n__all__ = ["a", "b"]\n\n\ndef f():\n    return ast\n'


def test_imports_fill_their_line():
    names = ", ".join(f"name_{at}" for at in range(10))
    code = f"from somewhere import {names}\n\nprint({names})\n"
    assert format_code(code) == code


def test_only_what_the_original_does_too_is_shared():
    original = "class A:\n    x = {}\n"
    port = "class TFA:\n    x = {}\n\n\ndef f():\n    undefined\n"
    assert shared_findings(port, original) == ["RUF012"]
    assert shared_findings("x = 1\n", original) == []


def test_the_order_of_imports_does_not_depend_on_the_folder(tmp_path, monkeypatch):
    """A checkout of porter or transformers where the command is typed."""
    imports = "import numpy\nfrom porter.runtime import pad\nfrom transformers import logging\n"
    code = f"{imports}\nprint(numpy, pad, logging)\n"
    (tmp_path / "porter").mkdir()
    (tmp_path / "transformers").mkdir()
    monkeypatch.chdir(tmp_path)
    assert format_code(code) == code
