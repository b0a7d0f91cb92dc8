"""`generate` of ported models gives PyTorch's tokens: greedy and beams, with ends, padding and rules for scores."""

import numpy as np
import pytest
import tensorflow as tf
import torch

from tests.families import each_family

DECODERS = {
    "gpt2": "GPT2LMHeadModel",
    "llama": "LlamaForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "t5": "T5ForConditionalGeneration",
    "bart": "BartForConditionalGeneration",
}
IDS = np.random.default_rng(3).integers(10, 40, (3, 6))
MASK = np.ones_like(IDS)
MASK[1, :2] = MASK[2, :4] = 0
PADDED = {"input_ids": np.where(MASK, IDS, 0), "attention_mask": MASK}


class Pair:
    """The same model in both frameworks."""

    def __init__(self, ports, family, folder):
        self.torch_model = ports(family).torch_model(DECODERS[family])
        self.tf_model = ports(family).tf_model(DECODERS[family], self.torch_model, folder)
        self.settings = {"pad_token_id": 0, "max_new_tokens": 12}
        if self.torch_model.config.is_encoder_decoder:
            self.settings["decoder_start_token_id"] = 1

    def expected(self, inputs, **asked):
        tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
        with torch.no_grad():
            return self.torch_model.generate(**tensors, **self.settings, **asked).numpy()

    def same(self, inputs, **asked):
        """PyTorch's tokens, after making sure that they are the port's."""
        expected = self.expected(inputs, **asked)
        found = self.tf_model.generate(**inputs, **self.settings, **asked).numpy()
        np.testing.assert_array_equal(found, expected)
        return expected

    def end(self, inputs):
        """Two tokens that end results, one of them in the middle of a row."""
        made = self.expected(inputs, eos_token_id=None)[:, -self.settings["max_new_tokens"] :]
        return [int(made[0, 4]), int(made[-1, 9])]


@pytest.fixture(scope="module", params=each_family(DECODERS))
def pair(request, ports, tmp_path_factory):
    return Pair(ports, request.param, tmp_path_factory.mktemp("pair"))


def test_the_likeliest_until_each_row_ends(pair):
    made = pair.same({"input_ids": IDS}, eos_token_id=pair.end({"input_ids": IDS}))
    assert (made[:, -1] == 0).any() or made.shape[1] < IDS.shape[1] + 12


def test_padding_and_rules(pair):
    asked = {"repetition_penalty": 1.3, "no_repeat_ngram_size": 2, "min_new_tokens": 3}
    pair.same(PADDED, eos_token_id=pair.end(PADDED), **asked)


@pytest.mark.parametrize(
    "asked",
    [
        {"num_beams": 3},
        {"num_beams": 4, "num_return_sequences": 2, "early_stopping": True, "length_penalty": 0.5},
        {"num_beams": 2, "early_stopping": "never", "length_penalty": 2.0, "repetition_penalty": 1.3},
    ],
    ids=str,
)
def test_beams(pair, asked):
    pair.same(PADDED, eos_token_id=pair.end(PADDED), **asked)


@pytest.fixture(scope="module")
def gpt2(ports, tmp_path_factory):
    return Pair(ports, "gpt2", tmp_path_factory.mktemp("gpt2"))


def test_without_a_cache_the_tokens_are_the_same(gpt2):
    gpt2.same(PADDED, eos_token_id=None, use_cache=False)


def test_xla(gpt2):
    expected = gpt2.expected(PADDED, eos_token_id=None)
    found = gpt2.tf_model.generate(**PADDED, **gpt2.settings, eos_token_id=None, jit_compile=True)
    np.testing.assert_array_equal(found, expected)


def test_the_graph_serves_prompts_of_other_lengths(gpt2):
    for length in (3, 4, 6):
        gpt2.same({"input_ids": IDS[:, :length]}, eos_token_id=None, length_penalty=1.25)
    graphs = [graph for way, graph in gpt2.tf_model._generation_graphs.items() if way.settings.length_penalty == 1.25]
    assert [graph.experimental_get_tracing_count() <= 2 for graph in graphs] == [True]


def test_drawing(gpt2):
    asked = {**gpt2.settings, "do_sample": True, "num_return_sequences": 2, "eos_token_id": None}
    results = []
    for _ in range(2):
        tf.random.set_seed(1)
        results.append(gpt2.tf_model.generate(IDS, **asked, top_k=5).numpy())
    assert results[0].shape == (6, 18)
    assert (results[0][::2, :6] == IDS).all() and (results[0][::2] != results[0][1::2]).any()
    expected = gpt2.expected({"input_ids": IDS}, eos_token_id=None)
    np.testing.assert_array_equal(gpt2.tf_model.generate(IDS, **asked, top_k=1)[::2], expected)


def test_who_listens_hears_every_token(gpt2):
    heard = []

    class Listener:
        def put(self, tokens):
            heard.append(np.asarray(tokens))

        def end(self):
            heard.append("end")

    made = gpt2.tf_model.generate(IDS, streamer=Listener(), **gpt2.settings, eos_token_id=None).numpy()
    np.testing.assert_array_equal(np.column_stack(heard[:-1]), made)
    assert heard[-1] == "end"


def test_the_checkpoints_settings_are_read_and_written(gpt2, tmp_path):
    model = gpt2.tf_model
    model.generation_config = {"max_new_tokens": 3, "pad_token_id": 0, "eos_token_id": [99]}
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path)
    model.generation_config = None
    assert again.generate(IDS).shape == (3, 9)
    assert again.generate(IDS, generation_config={"max_new_tokens": 2}, max_new_tokens=4).shape == (3, 10)


@pytest.mark.parametrize(
    ("asked", "error", "sentence"),
    [
        ({"sharpness": 2}, TypeError, "generate takes no sharpness"),
        ({"penalty_alpha": 0.6}, NotImplementedError, "generate has no penalty_alpha"),
        ({"max_length": 4}, ValueError, "The prompt has 6 tokens already, a result may have 4"),
        ({"num_beams": 2, "streamer": print}, ValueError, "Beams cannot be streamed"),
    ],
)
def test_what_cannot_be_asked(gpt2, asked, error, sentence):
    with pytest.raises(error, match=sentence):
        gpt2.tf_model.generate(IDS, **asked)


def test_a_model_that_scores_no_tokens(ports):
    modeling = ports("gpt2").modeling
    model = modeling.TFGPT2Model.from_config(modeling.GPT2Config(n_layer=1, n_embd=8, n_head=2, vocab_size=40))
    with pytest.raises(TypeError, match="no scores of tokens, so the model cannot generate"):
        model.generate(IDS)
