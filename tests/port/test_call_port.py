"""Calls of a port: arrays in a mapping, plain values by keyword; a graph serves the sizes that differ."""

import numpy as np
import tensorflow as tf

from porter.port.call_port import call_port, in_graph


class Port:
    """What a call got."""

    def call(self, arrays, scale=1, output_attentions=None):
        return arrays["x"] * scale, output_attentions

    __call__ = call


def test_flags_are_given_where_they_are_taken():
    values, flag = call_port(Port(), {"x": np.ones(2), "scale": 3}, {"output_attentions": True, "other": True})
    assert values.tolist() == [3, 3]
    assert flag is True


def test_flags_are_given_to_a_port_that_takes_any_keyword():
    class Open(Port):
        def call(self, arrays, **kwargs):
            return kwargs

        __call__ = call

    assert call_port(Open(), {"x": np.ones(2)}, {"output_attentions": True}) == {"output_attentions": True}


def test_the_graph_does_not_know_what_differs():
    traced = []

    class Traced(Port):
        def __call__(self, arrays, **plain):
            traced.append(tuple(arrays["x"].shape))
            return tf.constant(0.0)

    in_graph(Traced(), {"x": np.ones((3, 4))}, {"x": np.ones((2, 4))}, {})
    assert traced == [(None, 4)]
