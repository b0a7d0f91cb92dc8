import libcst as cst

from porter.rewrite.reading.filling import calls_in, filling_functions, is_weight_name, weight_name
from porter.rewrite.reading.giving import known
from porter.trace import trace


def test_functions_that_give_nothing_back_and_fill(source):
    assert filling_functions(source) == {"TinyPreTrainedModel._init_weights"}


def test_what_a_function_calls(source):
    function = source.functions["TinyPreTrainedModel._init_weights"].node
    assert list(calls_in(source, function)) == ["isinstance", "start_values"]


def test_a_weight_is_known_by_runs_or_by_its_name(tiny, source):
    knowledge = known(source, trace(tiny.subject))
    function = source.functions["TinyPreTrainedModel._init_weights"].node
    found = [weight_name(knowledge, node) for node in source.find(function, cst.Attribute)]
    assert [name for name in found if name is not None] == ["start"]
    assert is_weight_name(knowledge, "bias")
    assert not is_weight_name(knowledge, "config")
