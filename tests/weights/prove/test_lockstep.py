import threading

import pytest

from porter.weights.prove.lockstep import in_lockstep, in_turn, reach


def test_runs_wait_for_each_other_before_every_place():
    events = []

    def run(name):
        for place in range(3):
            reach(place)
            events.append((place, name))
        return name.upper()

    assert in_lockstep(run, "ab") == ["A", "B"]
    assert events == [(place, name) for place in range(3) for name in "ab"]


def test_whoever_begins_again_is_waited_for():
    events = []

    def run(places):
        for place in places:
            reach(place)
            events.append(place)

    in_lockstep(run, [(0, 1, 0, 1, 2), (0, 1, 2)])
    assert events == [0, 0, 1, 1, 0, 1, 2, 2]


def test_only_one_runs_at_a_time():
    lock = threading.Lock()

    def run(_):
        for place in range(20):
            assert lock.acquire(blocking=False)
            lock.release()
            reach(place)

    assert in_lockstep(run, range(8)) == [None] * 8


def test_an_error_ends_all_runs_and_is_raised():
    ended = []

    def run(number):
        try:
            reach(0)
            if number == 1:
                raise ValueError("wrong")
            reach(1)
        finally:
            ended.append(number)

    before = threading.active_count()
    with pytest.raises(ValueError, match="wrong"):
        in_lockstep(run, range(3))
    assert sorted(ended) == [0, 1, 2]
    assert threading.active_count() == before


def test_outside_of_it_nothing_waits():
    def run(number):
        reach(5)
        return number

    assert in_turn(run, [1, 2]) == [1, 2]
