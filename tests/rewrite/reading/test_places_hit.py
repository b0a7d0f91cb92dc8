"""Loops over the places where a condition holds run over all of them in a graph, where that changes nothing."""

import pytest

from porter.port.verify import verify
from tests.rewrite.bodies import port_bodies

ROUTED = """
flat = x.reshape(-1, 8)
mask = torch.nn.functional.one_hot(ids.reshape(-1) % 4, num_classes=6).t()[:, None]
total = torch.zeros_like(flat)
hit = torch.greater(mask.sum(dim=(-1, -2)), 0).nonzero()
for place in hit:
    slot, rows = torch.where(mask[place].squeeze(0))
    part = self.layer(flat[rows]) * (place[0] + 1)
    {line}
return total.view(x.shape){more}
"""
EVERY = {
    "Added": ("total.index_add_(0, rows, part)", ""),
    "Changed": ("part *= 2\n    total.index_add_(0, rows, part)", ""),
}
HIT = {
    "Counted": ("flat = flat + 1\n    total.index_add_(0, rows, part)", " + flat.view(x.shape)"),
    "Elsewhere": ("total.index_add_(0, rows * 0, part + flat[:1])", ""),
    "Stopped": ("total.index_add_(0, rows, part)\n    break", ""),
}


@pytest.fixture(scope="module")
def routed(tmp_path_factory):
    bodies = {name: ROUTED.format(line=line, more=more) for name, (line, more) in EVERY.items()}
    return port_bodies("routed", bodies, tmp_path_factory.mktemp("routed"))


def test_what_is_added_to_chosen_rows_is_added_in_a_graph_too(routed):
    for name in EVERY:
        assert "for place in places(tf.greater(tf.reduce_sum(mask, axis=(-1, -2)), 0)):" in routed.text(
            f"TF{name}.call"
        )
    (found,) = verify(routed.subject, routed.module())
    assert (found.eager.message, found.graph.message, found.ok) == ("", "", True)


def test_a_loop_that_leaves_more_behind_stays_one_over_the_places_that_are_hit(tmp_path):
    bodies = {name: ROUTED.format(line=line, more=more) for name, (line, more) in HIT.items()}
    ported = port_bodies("unrouted", bodies, tmp_path)
    for name in HIT:
        assert "places(" not in ported.text(f"TF{name}.call")
