"""Stages are said when they begin, and their seconds are added up."""

import pytest

from porter.base.stages import Stages


def test_the_seconds_of_a_stage_are_added_up(capsys):
    stages = Stages()
    for name in ("one", "two", "one"):
        with stages.stage(name):
            sum(range(100_000))
    assert list(stages.seconds) == ["one", "two"]
    assert all(seconds >= 0 for seconds in stages.seconds.values())
    assert capsys.readouterr().err.splitlines() == ["one ...", "two ...", "one ..."]


def test_the_last_stage_is_the_one_that_stopped():
    stages = Stages()
    with pytest.raises(ValueError, match="no"), stages.stage("one"):
        raise ValueError("no")
    assert list(stages.seconds) == ["one"]
