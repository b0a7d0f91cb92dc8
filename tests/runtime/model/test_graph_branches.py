import tensorflow as tf

from porter.runtime import graph_branches


@graph_branches
def halved_at_random(x, share, *, training=False):
    for _ in range(3):
        if training and tf.random.uniform([]) < share:
            continue
        x = x / 2.0
    return x


def test_a_graph_decides_in_each_run():
    graph = tf.function(lambda x: halved_at_random(x, 0.5, training=True), jit_compile=True)
    assert {float(graph(tf.constant(8.0))) for _ in range(60)} == {1.0, 2.0, 4.0, 8.0}


def test_what_is_known_is_decided_by_python():
    concrete = tf.function(halved_at_random).get_concrete_function(tf.TensorSpec([]), 0.5)
    assert not [node.op for node in concrete.graph.as_graph_def().node if "If" in node.op]
    assert float(halved_at_random(tf.constant(8.0), 1.0, training=True)) == 8.0
    assert halved_at_random.__name__ == "halved_at_random"
