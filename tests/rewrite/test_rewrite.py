"""The port of the fixture computes what the fixture computes, whatever its configuration."""

import ast
import io
import tokenize
from collections import Counter
from dataclasses import replace

import pytest

from porter.port.verify import verify


@pytest.mark.parametrize(
    "config",
    [{}, {"gated": False, "widened": False, "num_hidden_layers": 1, "tie_word_embeddings": False}],
    ids=["as traced", "one narrow layer without gate and tie"],
)
def test_one_file_serves_every_configuration(tiny, config):
    case = replace(tiny.subject.cases[0], config=config)
    results = list(verify(replace(tiny.subject, cases=(case,)), tiny.module()))
    assert [found.name for found in results] == ["TinyModel", "TinyForTokenClassification"]
    assert [(found.eager.message, found.graph.message) for found in results] == [("", ""), ("", "")]
    assert all(found.ok and found.comparable for found in results)


def test_nothing_is_left_of_what_porter_knows(tiny):
    assert tiny.messages("left") == []
    assert tiny.draft.classes == ("TinyPreTrainedModel", "TinyModel", "TinyForTokenClassification")


def comments(code: str) -> Counter[str]:
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    return Counter(token.string for token in tokens if token.type == tokenize.COMMENT)


def test_comments_are_kept_to_the_last_one(tiny):
    lost = comments(tiny.subject.source) - comments(tiny.draft.code)
    assert lost == Counter()
    assert tiny.draft.code.rstrip().endswith("# the end of the file")


def test_a_comment_keeps_its_place(tiny):
    assert "    return tf.nn.softmax(scores, axis=-1)  # over the last axis\n" in tiny.draft.code
    constructor, build = tiny.text("TFTinyEmbeddings.__init__"), tiny.text("TFTinyEmbeddings.build")
    assert "so it stays here" in constructor
    assert "its shape can be read in build" not in constructor
    assert build.index("# its shape can be read in build") < build.index("self.start")


def test_the_source_map_leads_to_the_line_it_was_written_from(tiny):
    code, source = tiny.draft.code.splitlines(), tiny.subject.source.splitlines()
    mapped = {code[line - 1].strip(): source[origin - 1].strip() for line, origin in tiny.draft.source_map.items()}
    assert mapped["hidden_states = hidden_states * 0.5"] == "hidden_states.mul_(0.5)"
    assert mapped["positions = tf.range(shape_list(input_ids)[1], dtype=tf.int64)"].startswith("positions = torch.ara")
    assert (
        mapped["hidden_states = self.word_embeddings(input_ids)"] == "hidden_states = self.word_embeddings(input_ids)"
    )
    statements = ast.parse(tiny.text("TFTinyEmbeddings.call")).body[0]
    assert isinstance(statements, ast.FunctionDef)
    start = next(at for at, line in enumerate(code, start=1) if line.startswith("class TFTinyEmbeddings"))
    end = next(at for at, line in enumerate(code, start=1) if line.startswith("class TFTinyScaled"))
    unmapped = len([line for line in range(start, end) if line in tiny.draft.source_map])
    assert unmapped >= len(statements.body)


def test_a_line_may_be_written_over_several(tiny):
    """The first line of a statement that the formatter breaks leads back too; none leads outside the original."""
    lines = len(tiny.subject.source.splitlines())
    assert all(1 <= origin <= lines for origin in tiny.draft.source_map.values())
