"""What porter cannot translate is kept, with a Note, and the file is still Python."""

import ast

import pytest


def notes(port) -> dict[str, tuple[int, str]]:
    return {note.message: (note.line, note.hint) for note in port.draft.notes if note.level == "left"}


def line_of(port, text: str) -> int:
    return next(at for at, line in enumerate(port.subject.source.splitlines(), start=1) if text in line)


def test_the_file_is_python(left):
    ast.parse(left.draft.code)
    assert left.file.read_text().endswith(left.draft.code[-200:])


def test_the_call_is_kept_as_a_comment_and_raises_in_its_place(left):
    call = left.text("TFLeftBlock.call")
    assert "# order = tf.reduce_sum(torch.lobpcg(tf.eye(9), k=1)[0])\n" in call
    line = line_of(left, "torch.lobpcg")
    assert f'raise NotImplementedError("modeling_left.py:{line}: torch.lobpcg has no rule")' in call
    assert "# no rule" in call
    assert "# self.curious = nn.FeatureAlphaDropout(0.1)\n" in left.text("TFLeftBlock.__init__")


def test_what_stands_around_it_is_ported(left):
    assert "hidden_states = self.dense(hidden_states) + tf.stop_gradient(order)" in left.text("TFLeftBlock.call")


def test_the_file_can_be_imported_and_raises_with_the_line_of_pytorch(left):
    config = left.module().TinyConfig()
    with pytest.raises(NotImplementedError, match=r"py:\d+: torch.nn.FeatureAlphaDropout has no layer card$"):
        left.module().TFLeftModel(config)


def test_a_note_says_where_what_and_what_next(left):
    found = notes(left)
    assert found["torch.lobpcg has no rule; the call was kept."] == (
        line_of(left, "torch.lobpcg"),
        "porter rules --stub torch.lobpcg",
    )
    assert (
        found["torch.nn.FeatureAlphaDropout has no layer card; the call was kept."][1]
        == "porter rules --stub torch.nn.FeatureAlphaDropout"
    )


def test_a_branch_on_a_tensor_is_a_branch_of_the_graph(left):
    assert "@graph_branches\n    def call(self, hidden_states)" in left.draft.code
    assert [message for message in notes(left) if message.startswith("the branch on")] == []


def test_every_line_that_raises_has_its_note(left):
    """Never silent: no line of the port raises for porter without a Note at the line it was written from."""
    lines = left.draft.code.splitlines()
    raising = [at for at, line in enumerate(lines, start=1) if "raise NotImplementedError(" in line]
    assert len(raising) == 2
    assert {left.draft.source_map[at] for at in raising} <= {note.line for note in left.draft.notes}
