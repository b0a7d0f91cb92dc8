"""The first wrong statement, from variables recorded on both sides."""

import numpy as np

from diffcheck.explain.first_statement import first_difference
from diffcheck.explain.watched_statements import RETURN, Event, Statement
from diffcheck.record.values import Flattened, flatten

DRAW = np.random.default_rng(0)
A, B, C, D = (DRAW.normal(size=(4, 6)).astype(np.float32) for _ in range(4))


def event(name, array, line, reads=(), function="call"):
    statement = Statement("file.py", line, line, "", (name,), tuple(reads))
    return Event(name, flatten(array) if not isinstance(array, Flattened) else array, statement, function)


def line_of(reference, candidate):
    found = first_difference(reference, candidate, 1e-6)
    return None if found is None else found.tf.statement.line


def test_a_variable_computed_in_another_order_is_compared_all_the_same():
    reference = [event("positions", A, 1), event("embeds", B, 2), event("both", A + B, 3, ["positions", "embeds"])]
    right = [event("embeds", B, 1), event("positions", A, 2), event("total", A + B, 3, ["positions", "embeds"])]
    wrong = [event("embeds", B, 1), event("positions", C, 2), event("total", C + B, 3, ["positions", "embeds"])]
    assert line_of(reference, right) is None
    assert line_of(reference, wrong) == 2


def test_what_leads_to_equal_numbers_is_not_wrong():
    # The port scales the query, PyTorch the scores; then one of both mixes up the result.
    reference = [event("query", A, 1), event("scores", 2 * A + B, 2, ["query"]), event("context", C, 3, ["scores"])]
    port = [event("query", 2 * A, 1), event("scores", 2 * A + B, 2, ["query"]), event("context", D, 3, ["scores"])]
    assert line_of(reference, port) == 3


def test_heads_in_the_batch_are_the_same_numbers():
    reference = [event("query", A, 1), event("scores", B.reshape(2, 2, 6), 2, ["query"]), event("out", C, 3)]
    port = [event("query", 2 * A, 1), event("flat", B, 2, ["query"]), event("out", D, 3, ["flat"])]
    assert line_of(reference, port) == 3


def test_sizes_and_constants_are_no_proof():
    reference = [event("x", A, 1), event("size", 4, 2, ["x"]), event("ones", np.ones(4), 3, ["x"]), event("y", B, 4)]
    port = [event("x", C, 1), event("size", 4, 2, ["x"]), event("ones", np.ones(4), 3, ["x"]), event("y", D, 4, ["x"])]
    assert line_of(reference, port) == 1


def test_a_helper_that_spoils_what_it_is_given_is_wrong_itself():
    reference = [event("hidden", A, 1), event("query", B, 2, ["hidden"])]
    port = [
        event("hidden", A, 1),
        event(RETURN, C, 9, ["x"], function="split"),
        event("query", C, 2, ["hidden"]),
    ]
    assert line_of(reference, port) == 9
    given_wrong = [event("hidden", D, 1), *port[1:]]
    assert line_of(reference, given_wrong) == 1


def test_a_returned_name_leads_to_where_it_was_made():
    reference = [event(RETURN, A, 9, ["output"], function="forward")]
    port = [event("final", B, 4, ["x"]), event(RETURN, B, 5, ["final"])]
    assert line_of(reference, port) == 4


def test_a_helpers_return_is_not_the_modules():
    reference = [event("x", A, 1, function="forward"), event(RETURN, B, 2, ["x"], function="forward")]
    stopped = [event("x", A, 1), event(RETURN, C, 9, ["x"], function="helper")]
    assert line_of(reference, stopped) is None


def test_a_step_under_another_name_is_as_likely_wrong_as_what_follows():
    reference = [event("scores", A, 1), event("mixed", B, 2, ["scores"]), event("context", C, 3, ["mixed"])]
    port = [event("scores", A, 1), event("moved", D, 2, ["scores"]), event("context", 2 * D, 3, ["moved"])]
    assert line_of(reference, port) == 2
    # Without a step of PyTorch's in between, the port's own is not a suspect.
    assert line_of([reference[0], reference[2]], port) == 3


def test_a_step_that_leaves_the_value_as_it_was_does_not_agree_with_what_was_before_it():
    reference = [event("x", A, 1), event("x", B, 2, ["x"]), event("y", C, 3, ["x"])]
    idle = [event("x", A, 1), event("x", A, 2, ["x"]), event("y", A, 3, ["x"])]
    assert line_of(reference, idle) == 2
    # Of several such steps, the last one before the value is used.
    twice = [event("x", A, 1), event("x", A, 2, ["x"]), event("x", A, 3, ["x"]), event("y", D, 4, ["x"])]
    assert line_of(reference, twice) == 3


def test_tuples_are_compared_in_what_both_have():
    reference = [event("outputs", flatten((A, B)), 1), event("x", C, 2, ["outputs"])]
    port = [event("outputs", flatten((A, B, C)), 1), event("x", D, 2, ["outputs"])]
    assert line_of(reference, port) == 2


def test_a_repeated_value_is_the_same_value():
    reference = [event("mask", np.repeat(A[None], 3, axis=0), 1), event("x", B, 2)]
    port = [event("mask", A, 1), event("x", C, 2)]
    assert line_of(reference, port) == 2


def test_of_several_results_all_must_be_right():
    keys, values = ["key", "value"], (event("key", A, 1), event("value", B, 2))
    reference = [*values, event("key", A, 3, keys), event("value", B, 3, keys), event("out", C, 4, keys)]
    statement = Statement("file.py", 3, 3, "", ("key", "value"), tuple(keys))
    both = [Event(name, flatten(array), statement, "call") for name, array in (("key", A), ("value", D))]
    port = [event("key", A, 1), event("value", D, 2), *both, event("out", A - D, 4, keys)]
    assert line_of(reference, port) == 2
