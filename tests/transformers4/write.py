"""In the environment of porter: write a `tf_model.h5` for every class that transformers 4 has too.

python tests/transformers4/write.py FOLDER [FAMILY ...]: one folder per class with the weights, the inputs and what
PyTorch makes of them.
"""

import importlib
import sys
from pathlib import Path

import numpy as np

from porter.base.quiet import quiet_frameworks

quiet_frameworks()

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "ports"
CLASSES = {
    "bert": (
        "BertModel BertForPreTraining BertLMHeadModel BertForMaskedLM BertForNextSentencePrediction "
        "BertForSequenceClassification BertForMultipleChoice BertForTokenClassification BertForQuestionAnswering"
    ),
    "roberta": (
        "RobertaModel RobertaForCausalLM RobertaForMaskedLM RobertaForSequenceClassification RobertaForMultipleChoice "
        "RobertaForTokenClassification RobertaForQuestionAnswering"
    ),
    "distilbert": (
        "DistilBertModel DistilBertForMaskedLM DistilBertForSequenceClassification DistilBertForMultipleChoice "
        "DistilBertForTokenClassification DistilBertForQuestionAnswering"
    ),
    "gpt2": "GPT2Model GPT2LMHeadModel GPT2DoubleHeadsModel GPT2ForSequenceClassification",
    "t5": "T5Model T5ForConditionalGeneration T5EncoderModel",
    "bart": "BartModel BartForConditionalGeneration BartForSequenceClassification",
    "vit": "ViTModel ViTForImageClassification",
    "convnext": "ConvNextModel ConvNextForImageClassification",
    "wav2vec2": "Wav2Vec2Model Wav2Vec2ForCTC Wav2Vec2ForSequenceClassification",
}
SHARDED = ("BertModel", "T5ForConditionalGeneration", "BartModel")
# Outputs that both versions have and that depend on all weights that matter.
OUTPUTS = ("logits", "start_logits", "end_logits", "prediction_logits", "seq_relationship_logits", "mc_logits",
           "last_hidden_state", "pooler_output")  # fmt: skip


def write_family(family: str, folder: Path) -> None:
    """Scaffold the family and convert a checkpoint of each of its classes with strong random weights."""
    from porter.port.chain import Options, run
    from porter.port.find_port import PortSource
    from porter.port.load import load_class
    from porter.subject.find import find_subject

    sample = SAMPLES / f"{family}.json"
    subject = find_subject(family, sample)
    sampled = {model.name for case in subject.cases for model in case.models}
    names = [name for name in CLASSES[family].split() if name in sampled]
    run(Options(family, folder / "ports", tuple(names), sample, False, False))
    port = folder / "ports" / f"modeling_tf_{family}.py"
    for name in names:
        write_class(subject, load_class(PortSource(port, f"TF{name}")), name, folder / name)


def write_class(subject, tf_class, name: str, folder: Path) -> None:
    import torch

    from porter.runtime.stored.checkpoint import open_checkpoint
    from porter.subject.inputs.arrays import numpy_inputs
    from porter.subject.inputs.variation import torch_inputs
    from porter.subject.torch_model import build_torch_model
    from porter.weights.convert.convert import convert
    from porter.weights.options import Target
    from porter.weights.plan.plan import build_without_weights, make_plan

    case, model_case = next((case, model) for case in subject.cases for model in case.models if model.name == name)
    model = build_torch_model(subject, case, name)
    model.save_pretrained(folder)
    inputs = {key: value for key, value in numpy_inputs(case.inputs_of(model_case)).items() if not np.isscalar(value)}
    with torch.no_grad():
        outputs = model(**torch_inputs(model, inputs))
    np.savez(folder / "inputs.npz", **inputs)
    np.savez(folder / "outputs.npz", **{key: outputs[key].numpy() for key in OUTPUTS if key in outputs})
    limit = 40_000 if name in SHARDED else 10**9
    with open_checkpoint(folder) as checkpoint:
        config = tf_class.config_class.from_pretrained(folder)
        plan = make_plan(build_without_weights(tf_class, config, checkpoint), checkpoint)
        convert(plan, checkpoint, folder, Target("h5", None, limit))
    (folder / "model.safetensors").unlink()


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[1]))
    importlib.invalidate_caches()
    for chosen in sys.argv[2:] or CLASSES:
        write_family(chosen, Path(sys.argv[1]))
