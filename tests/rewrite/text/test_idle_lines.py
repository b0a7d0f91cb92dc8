import pytest

from porter.rewrite.text.format import format_code
from porter.rewrite.text.idle_lines import without_idle_lines


@pytest.mark.parametrize(
    "line",
    [
        "str(None)",
        "tf.reduce_sum(mask)",
        "tf.stop_gradient(table)",
        "(2 + self.n) * self.n",
        "shape_list(x)[1]",
        "x",
        "tf.reshape(\n        x,\n        (-1, 2),\n    )",
    ],
)
def test_what_has_no_effect_goes(line):
    assert without_idle_lines(f"def f(x):\n    {line}\n    return x\n") == "def f(x):\n    return x\n"


@pytest.mark.parametrize(
    "line",
    [
        '"""What it is."""',
        "...",
        "tf.print(x)",
        "tf.debugging.assert_equal(x, y)",
        "tf.reduce_sum(self.layer(x))",
        "tf.map_fn(f, x)",
        "tf.map_fn(lambda y: y, x)",
        "layers.append(x)",
        "yield x",
        "x = str(None)",
        "str(None); y = 2",
    ],
)
def test_what_may_have_an_effect_stays(line):
    code = f"def f(x):\n    {line}\n    return x\n"
    assert without_idle_lines(code) == code


def test_a_block_that_had_nothing_else():
    code = "if x:\n    y = 1\nelse:\n    # why\n    str(None)  # noqa: L7\n    len(x)\nif y: len(y)\n"
    assert without_idle_lines(code) == "if x:\n    y = 1\nelse:\n    # why\n    pass\nif y: pass\n"


def test_what_is_tried_may_fail():
    code = "try:\n    x.shape\nexcept AttributeError:\n    y = 1\n"
    assert without_idle_lines(code) == code


def test_names_of_names_that_nothing_reads():
    code = "def f(x):\n    n = shape_list(x)\n    m = tf.reduce_sum(n)\n    key = str(m)\n    return x\n"
    assert format_code(code) == "def f(x):\n    return x\n"
