"""`# Copied from` is carried over where it is true."""


def line_above(port, name: str) -> str:
    lines = port.draft.code.splitlines()
    return lines[next(at for at, line in enumerate(lines) if line.startswith(f"class {name}(")) - 1]


def test_a_true_copy_says_so_with_the_names_of_the_port(odd):
    module = "tests.rewrite.fixtures.modeling_tf_odd"
    assert line_above(odd, "TFOddCopy") == f"# Copied from {module}.TFOddDense with OddDense->OddCopy"


def test_a_false_one_goes_with_a_note(odd):
    assert line_above(odd, "TFOddForgery") == ""
    (message,) = [message for message in odd.messages("assumed") if "does not hold" in message]
    assert "OddDense->OddForgery" in message
