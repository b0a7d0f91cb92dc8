import pytest

from diffcheck.exported import NotAnExport, NotTrusted, open_export
from diffcheck.exported.file_operations import file_operations


def saved(folder, body, variable=True):
    import tensorflow as tf

    class Model(tf.Module):
        def __init__(self):
            self.scale = tf.Variable([1.0, 2.0])

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")])
        def call(self, x):
            return {"y": body(tf, x) * self.scale}

    model = Model()
    tf.saved_model.save(model, str(folder), signatures=model.call)
    return folder


def writes(tf, x):
    tf.io.write_file("RAN", "x")
    return x


def prints_to_a_file(tf, x):
    tf.print("x", output_stream="file://RAN")
    return x


def calls_python(tf, x):
    return tf.reshape(tf.numpy_function(lambda a: a, [x], tf.float32), tf.shape(x))


def deep(tf, x):
    @tf.function
    def inner(x):
        return tf.cond(tf.reduce_sum(x) > 1e9, lambda: writes(tf, x), lambda: x)

    return inner(x)


def saves(tf, x):
    tf.raw_ops.SaveV2(prefix="RAN", tensor_names=["x"], shape_and_slices=[""], tensors=[x])
    return x


@pytest.mark.parametrize(
    ("body", "operation"),
    [(writes, "WriteFile"), (prints_to_a_file, "PrintV2"), (calls_python, "PyFunc"), (deep, "WriteFile"),
     (saves, "SaveV2")],
)  # fmt: skip
def test_what_reaches_out_is_refused_before_it_is_loaded(tmp_path, monkeypatch, body, operation):
    folder = saved(tmp_path / "saved", body)
    monkeypatch.chdir(tmp_path)
    assert any(operation in name for name in file_operations(folder))
    with pytest.raises(NotTrusted, match="does more than compute"):
        open_export(folder)
    assert not list(tmp_path.glob("RAN*"))


def test_a_model_that_only_computes_is_loaded(tmp_path):
    folder = saved(tmp_path / "saved", lambda tf, x: tf.nn.gelu(x))
    assert file_operations(folder) == []
    assert open_export(folder).outputs[0].name == "y"


def test_printing_to_the_terminal_is_not_reaching_out(tmp_path):
    def body(tf, x):
        tf.print("x")
        return x

    assert file_operations(saved(tmp_path / "saved", body)) == []


@pytest.mark.parametrize("content", [b"", b"\xff" * 99, b"\x0a\x05"])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(NotAnExport):
        open_export(tmp_path)
