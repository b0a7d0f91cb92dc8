"""A small BERT with a head and its port, for the tests of checks."""

from pathlib import Path

from transformers.models.bert import modeling_bert

from porter.subject import Case, InputSpec, ModelCase
from porter.testing import ModelPair
from tests.runtime import modeling_tf_small_bert as ported
from tests.runtime.small_bert import config

IDS = InputSpec("input_ids", (2, 7), "int64", {"kind": "randint", "low": 1, "high": 99})
MASK = InputSpec("attention_mask", (2, 7), "int64", {"kind": "ones"})


def bert_pair(folder: Path) -> ModelPair:
    """BertForMaskedLM; its weights and configuration are written to the folder."""
    settings = {name: value for name, value in config().to_diff_dict().items() if not name.startswith("_")}
    model = ModelCase("BertForMaskedLM")
    case = Case("bert", "transformers.models.bert.configuration_bert", "BertConfig", settings, (IDS, MASK), (model,))
    return ModelPair.of(case, model, (modeling_bert, ported), folder)
