"""What `porter scaffold` prints at the end: what is proven, what is wrong, and each Note."""

from porter.port.class_result import Side
from porter.port.summary_text import summary
from tests.port.results import IDLE, NOTE, entry, report, result


def test_the_summary_says_what_share_is_proven_and_what_is_wrong() -> None:
    data = report(entry(), entry("TFY", None, ok=False, missing=["a", "b"]), notes=(NOTE,))
    lines = summary(data, ["modeling_tf_x.py"]).splitlines()
    assert "1 of 2 classes match PyTorch." in lines
    assert next(line.split() for line in lines if line.startswith("TFY")) == [
        "TFY",
        "FAILED",
        "FAILED",
        "2",
        "missing",
    ]
    assert "TFY  logits differs." in lines
    assert "TFY  missing: a, b" in lines
    assert "modeling_x.py:7  left: torch.f has no rule." in lines
    assert "  hint: porter rules" in lines
    assert lines[-1] == "wrote modeling_tf_x.py  (3.5 s)"


def test_a_class_that_is_not_compared_does_not_match() -> None:
    data = report(entry(), result("TFY", comparable=False))
    lines = summary(data, ["modeling_tf_x.py"]).splitlines()
    assert next(line.split() for line in lines if line.startswith("TFY"))[1:3] == ["ran", "ran"]
    assert (
        "1 of 2 classes match PyTorch. 1 only ran: the sample says that PyTorch's numbers are not comparable." in lines
    )


def test_the_points_of_a_guide_are_counted_and_what_is_wrong_is_named() -> None:
    points = {"training passed down": "", "input formats": ""}
    data = report(result("TFX", guide=points), result("TFY", guide={**points, "input formats": "by list: TypeError"}))
    text = summary(data, ["modeling_tf_x.py"])
    assert "training passed down  2 of 2" in text and "input formats         1 of 2" in text
    assert "TFY  input formats: by list: TypeError" in text.splitlines()
    assert "1 of 2 classes match PyTorch." in text
    assert "guide" not in entry()


def assumed(line: int, code: str) -> dict[str, object]:
    message = f"`{code}` was not seen as a tensor and is taken for one."
    return {**NOTE, "level": "assumed", "line": line, "message": message, "hint": ""}


def test_assumptions_that_are_alike_are_one_line_and_what_is_left_comes_first() -> None:
    notes = (assumed(3, "x"), assumed(5, "y.view(2)"), NOTE, assumed(5, "z"), {**assumed(9, "u"), "file": "parts.py"})
    lines = summary(report(entry(), notes=notes), []).splitlines()
    at = lines.index("modeling_x.py:7  left: torch.f has no rule.")
    assert lines[at + 1 : at + 5] == [
        "  hint: porter rules",
        "modeling_x.py:3  assumed: `x` was not seen as a tensor and is taken for one.",
        "  2 more of this kind, in line 5; --verbose shows them",
        "parts.py:9  assumed: `u` was not seen as a tensor and is taken for one.",
    ]
    each = summary(report(entry(), notes=notes), [], every_note=True)
    assert sum("assumed" in line for line in each.splitlines()) == 4


def test_a_note_of_no_line_names_the_file_alone() -> None:
    text = summary(report(entry(), notes=({**NOTE, "line": 0},)), [])
    assert "modeling_x.py  left: torch.f has no rule." in text.splitlines()


def test_a_dry_run_has_written_nothing() -> None:
    assert "nothing was written" in summary(report(entry("X")), [])


def test_the_table_names_what_was_written_and_not_compared() -> None:
    data = {**report(entry("X")), "not_compared": ["Y", "Z"]}
    lines = summary(data, ["modeling_tf_x.py"]).splitlines()
    assert [line.split()[0] for line in lines if line.rstrip().endswith("not compared")] == ["Y", "Z"]
    assert "1 of 1 compared classes match PyTorch. 2 more were written and not compared." in lines


def test_what_a_class_is_not_proven_for_is_said_below_the_table() -> None:
    constant = result("Y", nothing=("logits of PyTorch is constant",))
    lines = summary(report(result("X", coverage=IDLE), constant), ["modeling_tf_x.py"]).splitlines()
    expected = "X  is proven for input_ids, and not more. Never given: pixel_values (modeling_tf_x.py:3 did not run)."
    assert expected in lines
    assert "Y  logits of PyTorch is constant: agreeing on it proves nothing." in lines
    assert "0 of 2 classes match PyTorch." in lines
    assert next(line for line in lines if line.startswith("X ")).split()[-1] == "50%"


def test_a_class_that_differs_has_its_lines_below() -> None:
    trace = ("proj differs by itself, on PyTorch's own inputs", "TensorFlow modeling_tf_x.py:3")
    side = Side(False, 0.1, "logits differs.")
    lines = summary(report(result(eager=side, trace=trace)), ["modeling_tf_x.py"]).splitlines()
    at = lines.index("TFX  logits differs.")
    assert [line for line in lines[at + 1 :] if line][:2] == [f"  {line}" for line in trace]
