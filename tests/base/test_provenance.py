"""How a page or a report says that it was made."""

import sys

import pytest

from porter.base.provenance import provenance, versions


def test_the_command_is_there_without_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/porter", "diff", "--model", "my model", "--token", "hf_secret"])
    command = provenance()["command"]
    assert command.startswith("porter diff --model 'my model'")
    assert "secret" not in command


def test_versions_are_those_that_are_installed() -> None:
    import numpy

    assert versions()["numpy"] == numpy.__version__
    assert provenance()["versions"].startswith("porter ")
