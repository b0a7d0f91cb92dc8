"""One `except` catches what the runtime refuses."""

import pytest
import tensorflow as tf

from porter import runtime
from porter.base.errors import PorterError
from porter.runtime import PortError
from porter.runtime.losses.loss_functions import mse_loss
from tests.runtime import modeling_tf_small_bert as ported
from tests.runtime.small_bert import config


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("WrongValue", (ValueError,)),
        ("Unsupported", (NotImplementedError,)),
        ("CheckpointError", (PorterError,)),
        ("HubError", (PorterError,)),
    ],
)
def test_each_is_a_port_error_and_what_its_callers_know(name, others):
    assert issubclass(getattr(runtime, name), (PortError, *others))
    assert all(issubclass(getattr(runtime, name), other) for other in others)


def test_a_damaged_checkpoint_and_a_wrong_argument_are_caught_alike(tmp_path):
    (tmp_path / "config.json").write_text(config().to_json_string())
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 16)
    with pytest.raises(PortError, match="safetensors"):
        ported.TFBertModel.from_pretrained(tmp_path, from_pt=True)
    with pytest.raises(PortError, match="not a reduction"):
        mse_loss(tf.ones(2), tf.ones(2), reduction="median")
