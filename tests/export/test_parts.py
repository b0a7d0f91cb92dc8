"""Files with keys and values: greedy decoding with them in onnxruntime gives the tokens that PyTorch generates."""

import numpy as np
import pytest

from porter.export import export_onnx

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")
COUNT = 6


def opened(file):
    import onnxruntime

    return onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])


def run(session, **given):
    names = [value.name for value in session.get_outputs()]
    wanted = {value.name for value in session.get_inputs()}
    return dict(
        zip(names, session.run(None, {name: value for name, value in given.items() if name in wanted}), strict=True)
    )


def past_of(outputs):
    return {name.replace("present", "past_key_values"): value for name, value in outputs.items() if "present" in name}


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_decoder_generates_as_pytorch_does(checkpoint, tmp_path, family):
    import transformers

    exported = export_onnx(checkpoint(family), tmp_path / "out", feature="causal-lm-with-past")
    assert exported.matches
    axes = exported.manifest["files"]["model.onnx"]["axes"]
    assert axes["past_key_values.0.key"][2] == "past_sequence"
    assert axes["present.1.value"][2] == "past_sequence + sequence"
    session = opened(tmp_path / "out" / "model.onnx")
    ids = np.array([[5, 9, 21, 33]])
    past = {
        value.name: np.zeros(
            [1 if size == "batch" else 0 if isinstance(size, str) else size for size in value.shape], np.float32
        )
        for value in session.get_inputs()
        if value.name.startswith("past")
    }
    made, fed = [], ids
    for step in range(COUNT):
        outputs = run(session, input_ids=fed, attention_mask=np.ones((1, ids.shape[1] + step), np.int64), **past)
        fed = outputs["logits"][:, -1:].argmax(-1)
        made.append(int(fed[0, 0]))
        past = past_of(outputs)
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint(family))
    options = {
        "max_new_tokens": COUNT,
        "min_new_tokens": COUNT,
        "do_sample": False,
        "eos_token_id": None,
        "pad_token_id": 0,
    }
    expected = model.generate(torch.from_numpy(ids), attention_mask=torch.ones(1, 4).long(), **options)
    assert made == expected[0, 4:].tolist()


def test_an_encoder_and_decoder_generate_as_pytorch_does(checkpoint, tmp_path):
    import transformers

    exported = export_onnx(checkpoint("t5"), tmp_path / "out", feature="seq2seq-lm-with-past")
    assert exported.matches
    files = ("encoder_model.onnx", "decoder_model.onnx", "decoder_with_past_model.onnx")
    assert tuple(file.name for file in exported.files) == files
    encoder, decoder, step = (opened(tmp_path / "out" / name) for name in files)
    assert "present.0.encoder.key" not in [value.name for value in step.get_outputs()]
    ids = np.array([[5, 9, 21, 33, 1]])
    mask = np.ones_like(ids)
    hidden = run(encoder, input_ids=ids, attention_mask=mask)["last_hidden_state"]
    fed, made, past = np.zeros((1, 1), np.int64), [], {}
    for _ in range(COUNT):
        given = {"input_ids": fed, "encoder_hidden_states": hidden, "encoder_attention_mask": mask, **past}
        outputs = run(step if past else decoder, **given)
        fed = outputs["logits"][:, -1:].argmax(-1)
        made.append(int(fed[0, 0]))
        past = {**past, **past_of(outputs)}
    model = transformers.T5ForConditionalGeneration.from_pretrained(checkpoint("t5"))
    options = {"max_new_tokens": COUNT, "min_new_tokens": COUNT, "do_sample": False, "eos_token_id": None}
    expected = model.generate(torch.from_numpy(ids), attention_mask=torch.from_numpy(mask), **options)
    assert made == expected[0, 1:].tolist()
