"""Where a constructor keeps what it makes, read from its text."""

import libcst as cst
import pytest

from porter.rewrite.reading.kept import Kept, kept_in


@pytest.fixture(scope="module")
def kept(source):
    """Where each layer made in TinyContainers is kept, in order."""
    calls = source.find(source.functions["TinyContainers.__init__"].node, cst.Call)
    made = (call for call in calls if source.canonical(call.func) in ("torch.nn.Linear", "local.TinyScaled"))
    return [kept_in(source, call) for call in made]


def test_containers_keep_their_members(kept):
    names = ("repeated", "joined", "joined", "counted", "numbered", "appended", "named", "named")
    assert kept == [Kept(name, directly=False) for name in names]


def test_an_attribute_keeps_its_layer_itself(source):
    calls = source.find(source.functions["TinyLayer.__init__"].node, cst.Call)
    made = {found for call in calls if (found := kept_in(source, call)) is not None}
    assert {Kept("output"), Kept("wide"), Kept("mixer"), Kept("norm")} <= made
