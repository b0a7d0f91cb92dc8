"""What ran of the code that a class can reach, and which arguments never had a value."""

from porter.port.coverage import Coverage, Place, coverage

PORT = '''
def shared(x):
    return x


def of_others(x):
    return x


class TFBase:
    def __init__(self):
        """A docstring is not a statement."""
        self.a = 1

    def call(self, x, mask=None):
        if mask is not None:
            x = x * mask
        if x is None:
            raise ValueError("no part of a proof")
        return shared(self.named(x))

    def named(self, x):
        return x

    def never_named(self, x):
        return x


class TFOne(TFBase):
    def build(self):
        logger.warning("silent")
        self.b = 2
'''
LINES = {text: number for number, text in enumerate(PORT.splitlines(), start=1)}


def line(text: str) -> int:
    return next(number for number, one in enumerate(PORT.splitlines(), start=1) if text in one)


def measured(tmp_path, *ran: int, others=("mask",)):
    file = tmp_path / "modeling_tf_x.py"
    file.write_text(PORT)
    return coverage([file], "TFOne", {file.name: set(ran)}, ["x"], others)


def test_statements_are_those_of_the_class_its_bases_and_what_they_name(tmp_path):
    found = measured(tmp_path)
    lines = {place.line for place in found.unrun}
    expected = ["self.a = 1", "if mask is not None", "x = x * mask", "if x is None", "return shared(", "self.b = 2"]
    assert {line(text) for text in expected} <= lines
    assert line("def shared") + 1 in lines
    assert line("def named") + 1 in lines
    assert line("def of_others") + 1 not in lines
    assert line("def never_named") + 1 not in lines
    assert line("raise ValueError") not in lines
    assert (found.ran, found.statements) == (0, 8)


def test_an_argument_is_idle_where_the_line_that_asks_for_it_did_not_run(tmp_path):
    head = line("if mask is not None")
    assert measured(tmp_path, head).idle == {"mask": f"modeling_tf_x.py:{head + 1}"}
    assert measured(tmp_path, head, head + 1).idle == {}
    assert measured(tmp_path, head, others=("other",)).idle == {}


def test_two_cases_add_up():
    one, two = Place("f", 1, 1), Place("f", 2, 2)
    first = Coverage(1, 2, (one,), ("a",), {"b": "f:1", "c": "f:1"})
    merged = first.merge(Coverage(1, 2, (two,), ("b",), {"c": "f:2"}))
    assert (merged.ran, merged.statements, merged.given, merged.idle) == (2, 2, ("a", "b"), {"c": "f:1"})


def test_lines_are_told_in_ranges():
    places = tuple(Place("f", number, number) for number in (1, 2, 3, 7))
    assert Coverage(0, 4, places).to_json()["unrun"] == {"f": ["1-3", "7"]}


NESTED = """
class TFOne:
    def call(self, x, images=None, places=None):
        if images is not None:
            x = x + images
            if places is not None:
                x = x[places]
        return x
"""


def test_an_argument_whose_block_ran_is_not_what_a_block_inside_asks_for(tmp_path):
    file = tmp_path / "modeling_tf_x.py"
    file.write_text(NESTED)
    entered = coverage([file], "TFOne", {file.name: {4, 5, 6, 8}}, ["x"], ["images", "places"])
    passed = coverage([file], "TFOne", {file.name: {4, 8}}, ["x"], ["images", "places"])
    assert entered.idle == {"places": "modeling_tf_x.py:7"}
    assert passed.idle == {"images": "modeling_tf_x.py:5", "places": "modeling_tf_x.py:7"}
