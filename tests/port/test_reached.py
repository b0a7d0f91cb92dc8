"""Lines that were left count where what was asked for can come by, in the file and in those beside it."""

from dataclasses import replace
from pathlib import Path

from porter.port.port import Port
from porter.port.reached import told
from porter.rewrite import Draft, Note
from porter.subject import Subject

MAIN = """
class Net:
    def forward(self, x):
        return scaled(x)


def scaled(x):
    return x


@registered
def pretrained():
    return Net()
"""
MAIN_TF = """
from porter.runtime import import_beside

tools = import_beside(__file__, "modeling_tf_whole")
shift = import_beside(__file__, "modeling_tf_tools").shift


class TFNet:
    def call(self, x):
        return shift(scaled(x))


def scaled(x):
    return x


def pretrained():
    return tools
"""
TOOLS = """
LIMIT = limit()


def limit():
    return 1


def shift(x):
    return helper(x)


def helper(x):
    return x


class Trainer:
    pass
"""


def _port(name: str, original: str, code: str, lines: dict[int, str], parts: tuple[Port, ...] = ()) -> Port:
    subject = Subject(name, Path(f"{name}.py"), original, name, (), {})
    notes = tuple(Note(line, "left", message, "", f"{name}.py") for line, message in lines.items())
    return Port(subject, Draft(code, notes, {}, ()), (Path(f"modeling_tf_{name}.py"),), notes, parts)


def _levels(classes: tuple[str, ...]) -> dict[str, str]:
    tools = _port("tools", TOOLS, TOOLS, {2: "loose", 6: "limit", 14: "helper", 18: "trainer"})
    whole = _port("whole", TOOLS, TOOLS, {14: "whole"})
    main = _port("main", MAIN, MAIN_TF, {7: "scaled", 11: "decorator", 13: "pretrained"}, (tools, whole))
    return {note.message.partition("; what was asked for")[0].rstrip("."): note.level for note in told(main, classes)}


def test_what_the_class_reaches_counts():
    assert _levels(("Net",)) == {
        "scaled": "left",
        "decorator": "assumed",
        "pretrained": "assumed",
        "loose": "left",
        "limit": "left",
        "helper": "left",
        "trainer": "assumed",
        "whole": "assumed",
    }


def test_without_a_class_the_whole_file_counts():
    levels = _levels(())
    assert [name for name, level in levels.items() if level == "assumed"] == ["trainer"]


def test_the_note_says_so():
    port = _port("main", MAIN, MAIN_TF, {13: "a line was kept."})
    (note,) = told(port, ("Net",))
    assert note == replace(
        port.notes[0], level="assumed", message="a line was kept; what was asked for does not reach it."
    )
