"""The calls beside the plain one: what porter fills, and what PyTorch refuses."""

import pytest
import torch
from transformers import (
    BartConfig,
    BartModel,
    BertConfig,
    BertForTokenClassification,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
)

from porter.subject.inputs.further_runs import further_runs, gives_cache


class Detector(torch.nn.Module):
    """Six queries, each with the scores of three classes and a box; its labels are the objects of each image."""

    def __init__(self):
        super().__init__()
        self.score = torch.nn.Linear(4, 7)

    def forward(self, pixel_values, labels=None):
        scores, boxes = self.score(pixel_values).split([3, 4], dim=-1)
        outputs = {"logits": scores, "pred_boxes": boxes.sigmoid()}
        if labels is not None:
            outputs["loss"] = sum((label["boxes"].sum() + label["class_labels"].sum()) for label in labels)
        return outputs


SMALL = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}
INPUTS = {"input_ids": torch.arange(10).reshape(2, 5), "attention_mask": torch.tensor([[1] * 5, [1, 1, 1, 1, 0]])}


@pytest.fixture(scope="module")
def gpt2():
    config = GPT2Config(vocab_size=40, n_embd=16, n_layer=1, n_head=2, n_positions=32)
    config._attn_implementation = "eager"
    return GPT2LMHeadModel(config).eval()


def runs_of(model):
    return {run.name: run for run in further_runs(model, INPUTS)[0]}


def test_labels_and_padding_on_the_left():
    runs = runs_of(BertForTokenClassification(BertConfig(**SMALL)).eval())
    assert runs["with labels"].expected.loss is not None
    assert runs["padded on the left"].inputs["attention_mask"].tolist()[1] == [0, 1, 1, 1, 1]


def test_a_step_from_the_cache_follows_a_call_of_its_own(gpt2):
    step = runs_of(gpt2)["from the cache"]
    assert step.inputs["input_ids"].shape == (2, 1)
    assert step.before is not None
    assert "past_key_values" in step.given
    assert gives_cache(gpt2, INPUTS)


def test_a_decoder_is_given_a_mask_of_its_own_length():
    config = BartConfig(vocab_size=40, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
                        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16)  # fmt: skip
    runs, _ = further_runs(BartModel(config).eval(), {**INPUTS, "decoder_input_ids": torch.arange(6).reshape(2, 3)})
    given = [run.inputs["decoder_attention_mask"] for run in runs if "decoder_attention_mask" in run.given]
    assert (2, 3) in [mask.shape for mask in given]


class Heads(torch.nn.Module):
    """Insists on a mask with a number for each head of each layer."""

    config = BertConfig(num_hidden_layers=3, num_attention_heads=2)

    def forward(self, input_ids, head_mask: torch.Tensor | None = None):
        if head_mask is not None and head_mask.shape != (3, 2):
            raise ValueError(f"{head_mask.shape}")
        return {"logits": input_ids * (1.0 if head_mask is None else head_mask.sum())}


def test_a_mask_of_heads_has_a_row_for_each_layer():
    runs, _ = further_runs(Heads(), {"input_ids": INPUTS["input_ids"]})
    (mask,) = [run.inputs["head_mask"] for run in runs if "head_mask" in run.given]
    assert mask.tolist() == [[1.0, 1.0], [1.0, 1.0], [1.0, 0.0]]


def test_what_pytorch_refuses_here_has_its_reason(gpt2):
    _, refused = further_runs(gpt2, INPUTS)
    assert "encoder_hidden_states" in refused


def test_an_argument_is_given_once():
    names = [name for run in further_runs(BertModel(BertConfig(**SMALL)).eval(), INPUTS)[0] for name in run.inputs]
    assert names.count("inputs_embeds") == 1


class Placed(torch.nn.Module):
    """Numbers that depend on where its tokens lie."""

    def forward(self, input_ids, attention_mask=None, cache_position: torch.LongTensor | None = None):
        return {"logits": input_ids * (1.0 if cache_position is None else cache_position + 1.0)}


def test_each_token_has_a_place_in_the_cache():
    (given,) = [run for run in further_runs(Placed(), INPUTS)[0] if "cache_position" in run.given]
    assert given.inputs["cache_position"].tolist() == [0, 1, 2, 3, 4]


def test_what_a_model_writes_into_its_inputs_is_not_given_to_the_port():
    class Scaled(BertModel):
        def forward(self, input_ids=None, attention_mask=None, inputs_embeds=None):
            if inputs_embeds is None:
                inputs_embeds = self.embeddings.word_embeddings(input_ids)
            inputs_embeds *= 3
            return {"last_hidden_state": inputs_embeds}

    model = Scaled(BertConfig(**SMALL)).eval()
    run = next(run for run in further_runs(model, INPUTS)[0] if "inputs_embeds" in run.given)
    embeds = torch.tensor(run.inputs["inputs_embeds"])
    torch.testing.assert_close(model(inputs_embeds=embeds)["last_hidden_state"], run.expected["last_hidden_state"])


class Illustrated(BertModel):
    """Puts vectors of images where a mask says so."""

    def forward(self, input_ids, attention_mask=None, image_embeds=None, image_embeds_position_mask=None):
        vectors = self.embeddings.word_embeddings(input_ids)
        if image_embeds is not None:
            vectors[image_embeds_position_mask.bool()] = image_embeds.reshape(-1, image_embeds.shape[-1])
        return {"last_hidden_state": vectors}


def test_vectors_come_with_the_mask_of_their_places():
    runs, _ = further_runs(Illustrated(BertConfig(**SMALL)).eval(), INPUTS)
    (run,) = [run for run in runs if "image_embeds" in run.given]
    assert run.inputs["image_embeds_position_mask"].tolist() == [[1, 1, 0, 0, 0]] * 2
    assert (run.expected["last_hidden_state"][:, :2].numpy() == run.inputs["image_embeds"]).all()


def test_objects_to_be_detected_are_labels():
    run = next(
        run for run in further_runs(Detector(), {"pixel_values": torch.rand(2, 6, 4)})[0] if run.name == "with labels"
    )
    assert [len(label["class_labels"]) for label in run.inputs["labels"]] == [2, 3]
    assert run.inputs["labels"][1]["boxes"].shape == (3, 4)
    assert "loss" in run.expected
