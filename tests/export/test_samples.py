"""What the user says of the inputs is taken, or refused with its reason; it never goes lost."""

import json

import numpy as np
import pytest

from porter.base.errors import UsageError
from porter.export.onnx_inputs import OnnxInputs
from porter.export.samples import YOURS, Given, samples_of

pytest.importorskip("torch")
AXES = {0: "batch", 1: "sequence"}


@pytest.fixture(scope="module")
def bert(checkpoint):
    from transformers import BertForMaskedLM

    return BertForMaskedLM.from_pretrained(checkpoint("bert"), attn_implementation="eager").eval()


def saved(folder, **arrays):
    np.savez(folder / "given.npz", **arrays)
    return Given(folder / "given.npz")


def test_inputs_of_the_users_are_traced_and_compared(bert, tmp_path):
    found = samples_of(bert, None, saved(tmp_path, input_ids=np.array([[5, 6, 7]])))
    assert YOURS in [trial.name for trial in found.trials]


def test_inputs_of_the_users_decide_which_others_there_are(bert, tmp_path):
    ids = np.array([[5, 6, 7]])
    embedded = saved(tmp_path, inputs_embeds=np.ones((1, 3, 32), np.float32), attention_mask=np.ones_like(ids))
    found = samples_of(bert, None, embedded)
    assert found.traced.name.startswith(YOURS)
    assert set(found.traced.inputs) == {"inputs_embeds", "attention_mask"}


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"input_idz": np.array([[5]])}, "BertForMaskedLM takes no input_idz"),
        ({"input_ids": np.array([[500]])}, "PyTorch does not run BertForMaskedLM on your inputs: index out of range"),
        ({"input_ids": np.ones((0, 7), np.int64)}, "input_ids holds nothing"),
        ({}, "The file holds nothing"),
    ],
)
def test_inputs_of_the_users_that_cannot_be_are_refused(bert, tmp_path, arrays, sentence):
    with pytest.raises(UsageError, match=sentence):
        samples_of(bert, None, saved(tmp_path, **arrays))


def test_a_table_is_not_an_array(bert, tmp_path):
    (tmp_path / "given.json").write_text(json.dumps({"input_ids": {"0": "batch"}}))
    with pytest.raises(UsageError, match="input_ids is not an array"):
        samples_of(bert, None, Given(tmp_path / "given.json"))


def test_a_declaration_of_what_forward_does_not_take_is_refused(bert):
    with pytest.raises(UsageError, match="BertForMaskedLM takes no attention_mas"):
        samples_of(bert, None, Given(declared=OnnxInputs({"input_ids": AXES, "attention_mas": AXES})))


@pytest.mark.parametrize("axis", [2, -1])
def test_a_declared_axis_that_an_input_does_not_have_is_refused(bert, axis):
    declared = OnnxInputs({"input_ids": AXES, "attention_mask": {0: "batch", axis: "sequence"}})
    with pytest.raises(UsageError, match=f"attention_mask has no axis {axis}"):
        samples_of(bert, None, Given(declared=declared))


def test_one_name_for_axes_of_two_sizes_is_refused(bert):
    declared = OnnxInputs({"input_ids": AXES, "attention_mask": {0: "batch", 1: "batch"}})
    with pytest.raises(UsageError, match="axis 0 of input_ids and axis 1 of attention_mask are both called batch"):
        samples_of(bert, None, Given(declared=declared))


def test_choices_that_the_user_gives_are_taken_as_they_are(checkpoint, tmp_path):
    from transformers import AutoConfig, BertForMultipleChoice

    model = BertForMultipleChoice(AutoConfig.from_pretrained(checkpoint("bert"))).eval()
    ids = np.arange(5, 41).reshape(2, 3, 6)
    found = samples_of(model, None, saved(tmp_path, input_ids=ids, attention_mask=np.ones_like(ids)), choices=True)
    shapes = {trial.name: trial.inputs["input_ids"].shape for trial in found.trials}
    assert shapes[YOURS] == (2, 3, 6)
    assert all(len(shape) == 3 for shape in shapes.values())
    assert {shape[1] for shape in shapes.values()} == {2, 3}
