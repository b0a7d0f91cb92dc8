"""What lines that no run came by write into: a tensor, where the text says so; a Note where nothing says it."""

import pytest

from tests.rewrite.bodies import port_bodies

BODIES = {
    "Sliced": """
        if x is None:
            part = self.kept.result
            first = part[:, 0]
            part[0] = 1
            return part.sum() + first.sum()
        return x
    """,
    "Chosen": """
        if x is None:
            found = self.kept.result
            found[found == 3] = 0
            return found.sum()
        return x
    """,
    "Permuted": """
        if x is None:
            turned = self.kept.permute(1, 0)
            turned[ids] += 1
            return turned.sum()
        return x
    """,
    "Holding": """
        if x is None:
            results = [None] * 3
            results[0] = ids
            named = dict(ids=ids)
            named[self.limit] = ids
            self.entries[self.limit] = ids
            counts = np.zeros((3, 4))
            counts[counts > self.limit] += 1
            other = self.kept.entries
            other["ids"] = ids
            return results[0].sum()
        return x
    """,
    "Unknown": """
        if x is None:
            result = self.kept.result
            result[self.limit] = 1
            return result
        return x
    """,
}


@pytest.fixture(scope="module")
def ported(tmp_path_factory):
    return port_bodies("holding", BODIES, tmp_path_factory.mktemp("holding"), "import numpy as np\n")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Sliced", "part = slice_update(part, np.s_[0], 1)"),
        ("Chosen", "found = index_put(found, np.s_[found == 3], 0)"),
        ("Permuted", "turned = index_put(turned, np.s_[ids], tf.gather(turned, ids) + 1)"),
        ("Holding", "results[0] = ids"),
        ("Holding", "named[self.limit] = ids"),
        ("Holding", "counts[counts > self.limit] += 1"),
        ("Unknown", "result[self.limit] = 1"),
    ],
)
def test_the_text_says_what_is_written_into(ported, name, line):
    assert line in ported.text(f"TF{name}.call")


def test_what_nothing_tells_is_named(ported):
    left = [note for note in ported.messages("left") if "assignment" in note]
    assert left == ["the assignment to `result[self.limit]` was kept: no run has shown what `result` is."]
