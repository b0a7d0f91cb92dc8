"""Forms at work: one alone covers a place, and what it drops is not looked at."""

import pytest

from porter.rewrite.context import Context
from porter.rewrite.expressions.declared import declared
from porter.rewrite.reading.calls_in_file import analyse
from porter.rewrite.reading.checks import find_checks
from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.loops import find_loops
from porter.rewrite.reading.recomputed import find_recomputed
from porter.rulebook import Drop, Form
from porter.rulebook.pattern import parse_statement
from porter.trace import trace


@pytest.fixture
def context(tiny, source):
    knowledge = Knowledge(source, trace(tiny.subject))
    return Context(
        source,
        knowledge,
        analyse(knowledge),
        find_loops(knowledge),
        find_checks(knowledge),
        {},
        find_recomputed(knowledge),
        {},
        *(frozenset(),) * 3,
        module="modeling_tf_tiny",
    )


def test_two_forms_that_cover_one_node_are_an_error(context, monkeypatch):
    import libcst as cst

    node = context.source.find(context.source.tree, cst.Assign)[0]
    forms = [
        Form((parse_statement(text),), Drop(), None, "anywhere", {}, "", "x.py") for text in ("$a = $b", "$c = $d")
    ]
    found = [(form, form.patterns[0].match(node)) for form in forms]
    monkeypatch.setattr("porter.rewrite.expressions.declared.candidates", lambda node: found)
    with pytest.raises(ValueError, match=r"`\$a = \$b` \(x.py\) and `\$c = \$d` \(x.py\) both declare it"):
        declared(context, node)
