"""A few of the hostile inputs of benchmarks/fuzz.py; all of them take minutes."""

import pytest

from benchmarks.fuzz import KINDS, failures, make_kit


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return make_kit(tmp_path_factory.mktemp("kit"))


# A Hub that says of an upload what it should not lets huggingface_hub call its HTTP library in a way of before.
@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_hostile_input_ends_with_a_sentence(kit, monkeypatch, tmp_path, kind):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert list(failures(kit, kind, 15, 1)) == []
