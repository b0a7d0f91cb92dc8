"""Variables that no line reads while it is watched, and what is assigned to them all the same."""

import pytest

from tests.rewrite.bodies import port_bodies

BODIES = {
    "Unread": """
        shape = ids.size()
        if self.kept is not None:
            shape = self.kept.size()[:-1]
        if x is None:
            boxes = torch.zeros(shape + (4,), dtype=torch.long)
            turned = torch.ones((2,) + shape)
            return boxes.sum() + turned.sum()
        return x
    """,
    "Doubled": """
        shape = x.shape
        if x is None:
            return torch.zeros(shape + shape).sum()
        return x
    """,
}


@pytest.fixture(scope="module")
def ported(tmp_path_factory):
    return port_bodies("unread", BODIES, tmp_path_factory.mktemp("unread"))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Unread", "boxes = tf.zeros((*shape, 4), dtype=tf.int64)"),
        ("Unread", "turned = tf.ones((2, *shape))"),
        ("Doubled", "tf.zeros((*shape, *shape))"),
    ],
)
def test_a_shape_that_only_an_unseen_branch_reads_is_known_as_one(ported, name, line):
    assert line in ported.text(f"TF{name}.call")
