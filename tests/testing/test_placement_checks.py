import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from porter.testing.placement_checks import compiles
from tests.testing.bert_pair import bert_pair

ON_TWO_DEVICES = """if True:
    import sys
    from pathlib import Path
    from porter.base.quiet import quiet_frameworks

    quiet_frameworks()
    from porter.testing import split_processor

    split_processor()
    from porter.testing.placement_checks import trains_on_two
    from tests.testing.bert_pair import bert_pair

    pair = bert_pair(Path(sys.argv[1]))
    print(trains_on_two(pair))

    def added_up(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return y_pred.loss

    type(pair.tensorflow).compute_loss = added_up
    print(trains_on_two(pair))
"""


def test_the_loss_of_one_device_and_of_two(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", ON_TWO_DEVICES, str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    right, wrong = ran.stdout.splitlines()
    assert "problem=''" in right
    assert "lacks=''" in right
    assert "the loss of two devices is" in wrong


def test_what_xla_does_not_compile_is_a_problem(tmp_path):
    import tensorflow as tf

    pair = bert_pair(tmp_path)
    assert compiles(pair).problem == ""

    class OfData(type(pair.tensorflow)):
        def call(self, *args, **kwargs):
            outputs = super().call(*args, **kwargs)
            return type(outputs)(logits=tf.strings.to_number(tf.strings.as_string(outputs.logits)))

    pair.tensorflow.__class__ = OfData
    assert "XLA does not compile it" in compiles(pair).problem


def test_a_wrong_number_is_a_problem_under_xla(tmp_path):
    pair = bert_pair(tmp_path)
    kernel = pair.tensorflow.bert.encoder.layer[0].output_.dense.kernel
    kernel.assign(kernel + np.random.default_rng(0).normal(size=kernel.shape))
    assert compiles(pair).problem
