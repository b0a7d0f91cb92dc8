"""Work beside the rest ends when nobody waits for it any more, and its errors are told."""

import threading

import numpy as np
import pytest

from porter.runtime.stored.tensor_source import Checkpoint, TensorInfo
from porter.weights.in_background import Stopped, beside


class Endless(Checkpoint):
    """A checkpoint whose one tensor can be read for ever."""

    def __init__(self):
        self.tensors = {"weight": TensorInfo((2,), "float32")}
        self.reads = 0
        self.first = threading.Event()

    def read(self, name):
        self.reads += 1
        self.first.set()
        return np.zeros(2, np.float32)

    def close(self):
        raise AssertionError("it belongs to the caller")


def read_for_ever(checkpoint):
    with checkpoint:
        while True:
            checkpoint.read("weight")


def test_the_result_of_the_work_can_be_waited_for():
    with beside(Endless()) as worker:
        work = worker.begin(lambda checkpoint: checkpoint.read("weight").size)
    assert work.done()
    assert work.result() == 2


def test_an_error_in_the_work_comes_out_where_it_is_waited_for():
    with beside(Endless()) as worker, pytest.raises(IndexError):
        worker.begin(lambda checkpoint: checkpoint.read("weight")[3]).result()


def test_the_work_ends_when_the_block_does_by_an_exception():
    checkpoint, started = Endless(), []

    def interrupted():
        with beside(checkpoint) as worker:
            started.append(worker.begin(read_for_ever))
            assert checkpoint.first.wait(10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert isinstance(started[0].exception(), Stopped)
    assert checkpoint.reads > 0


def test_work_that_reads_no_tensors_can_ask_whether_to_go_on():
    started = []

    def interrupted():
        with beside(Endless()) as worker:
            started.append(worker.begin(lambda checkpoint: list(iter(checkpoint.go_on, "never"))))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert isinstance(started[0].exception(), Stopped)
