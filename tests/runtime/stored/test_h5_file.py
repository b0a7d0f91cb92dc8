import h5py
import numpy as np
import pytest

from porter.runtime.stored.h5_file import H5File, H5Writer, model_name, weight_key
from porter.runtime.stored.tensor_source import CheckpointError

VARIABLES = {
    "tf_bert_model/bert/encoder/layer_._0/query/kernel:0": np.arange(6, dtype=np.float32).reshape(2, 3),
    "tf_bert_model/bert/encoder/layer_._10/query/bias:0": np.ones(3, np.float16),
    "tf_bert_model/cls/scale:0": np.float32(2).reshape(()),
}


def write(path, variables=VARIABLES, flat=False):
    with H5Writer(path, flat=flat) as writer:
        for name, array in variables.items():
            writer.add(name, [name.split("/")[1]], array)
    return path


@pytest.mark.parametrize("flat", [False, True])
def test_what_was_written_is_read(tmp_path, flat):
    with H5File(write(tmp_path / "tf_model.h5", flat=flat)) as file:
        assert set(file.tensors) == {name.partition("/")[2] for name in VARIABLES}
        for name, array in VARIABLES.items():
            read = file.read(name.partition("/")[2])
            assert read.dtype == array.dtype == file.tensors[name.partition("/")[2]].dtype
            assert np.array_equal(read, array)


def test_the_names_in_the_file_are_those_of_transformers_4(tmp_path):
    with h5py.File(write(tmp_path / "tf_model.h5")) as file:
        assert list(file.attrs["layer_names"]) == ["bert", "cls"]
        assert list(file["bert"].attrs["weight_names"]) == [
            "tf_bert_model/bert/encoder/layer_._0/query/kernel:0",
            "tf_bert_model/bert/encoder/layer_._10/query/bias:0",
        ]
        kernel = file["bert/tf_bert_model/bert/encoder/layer_._0/query/kernel:0"]
        assert kernel.chunks is None
        assert np.array_equal(kernel[()], next(iter(VARIABLES.values())))


def test_more_names_than_one_attribute_holds(tmp_path):
    variables = {f"m/layer/part_._{number}/bias:0": np.full(1, number, np.float32) for number in range(4500)}
    with H5File(write(tmp_path / "tf_model.h5", variables)) as file:
        assert len(file.tensors) == 4500
        assert file.read("layer/part_._4321/bias:0")[0] == 4321


def test_a_weight_in_several_groups_is_stored_once_and_found_in_all(tmp_path):
    numbers = np.random.default_rng(0).normal(size=(100, 100)).astype(np.float32)
    with H5Writer(tmp_path / "tf_model.h5") as writer:
        writer.add("shared/shared/embeddings:0", ["shared", "encoder", "decoder"], numbers)
    with h5py.File(tmp_path / "tf_model.h5") as file:
        assert list(file.attrs["layer_names"]) == ["shared", "encoder", "decoder"]
        for group in ("shared", "encoder", "decoder"):
            assert list(file[group].attrs["weight_names"]) == ["shared/shared/embeddings:0"]
            assert np.array_equal(file[group]["shared/shared/embeddings:0"], numbers)
    assert (tmp_path / "tf_model.h5").stat().st_size < 2 * numbers.nbytes
    with H5File(tmp_path / "tf_model.h5") as file:
        assert list(file.tensors) == ["shared/embeddings:0"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("tf_bert_model/bert/pooler/kernel:0", "bert/pooler/kernel:0"),
        ("final_logits_bias:0", "final_logits_bias:0"),
        ("model.shared/model.shared/embeddings:0", "model.shared/model.shared/embeddings:0"),
    ],
)
def test_the_models_name_is_no_part_of_a_key(name, key):
    assert weight_key(name) == key


@pytest.mark.parametrize(
    ("class_name", "name"),
    [
        ("TFBertForMaskedLM", "tf_bert_for_masked_lm"),
        ("TFGPT2LMHeadModel", "tfgpt2lm_head_model"),
        ("TFT5ForConditionalGeneration", "tft5_for_conditional_generation"),
        ("TFViTForImageClassification", "tf_vi_t_for_image_classification"),
    ],
)
def test_model_names_are_those_of_keras(class_name, name):
    assert model_name(class_name) == name


def test_no_hdf5_file(tmp_path):
    (tmp_path / "tf_model.h5").write_bytes(b"no")
    with pytest.raises(CheckpointError, match="not a sound HDF5 file"):
        H5File(tmp_path / "tf_model.h5")


def test_a_file_without_names_is_not_taken_for_an_empty_one(tmp_path):
    with h5py.File(tmp_path / "tf_model.h5", "w") as file:
        file["bert/kernel:0"] = np.ones(2)
    with pytest.raises(CheckpointError, match="has no layer_names"):
        H5File(tmp_path / "tf_model.h5")


def external_link(file, elsewhere):
    file["bert/m/kernel:0"] = h5py.ExternalLink(str(elsewhere), "secret")


def external_storage(file, elsewhere):
    file.create_dataset("bert/m/kernel:0", (2,), "f4", external=[(str(elsewhere), 0, 8)])


def soft_link(file, elsewhere):
    file["bert/m/kernel:0"] = h5py.SoftLink("/elsewhere")


def climbing(file, elsewhere):
    file["bert"].attrs["weight_names"] = ["../../bert"]


@pytest.mark.parametrize("trick", [external_link, external_storage, soft_link, climbing])
def test_a_file_that_leads_elsewhere_is_refused(tmp_path, trick):
    elsewhere = tmp_path / "elsewhere.h5"
    with h5py.File(elsewhere, "w") as file:
        file["secret"] = np.ones(2, np.float32)
    with h5py.File(tmp_path / "tf_model.h5", "w") as file:
        file.attrs["layer_names"] = ["bert"]
        file.create_group("bert").attrs["weight_names"] = ["m/kernel:0"]
        trick(file, elsewhere)
    with pytest.raises(CheckpointError, match="of its own"):
        H5File(tmp_path / "tf_model.h5")
