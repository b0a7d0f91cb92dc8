"""In the environment of transformers 4: a family without TensorFlow classes gets them, as members of a tree.

python tests/transformers4/target.py FOLDER: the tree's files and the report are written below the folder.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Family:
    """A family without TensorFlow classes, and the size in which it is tried."""

    name: str
    config_class: str
    classes: tuple[str, ...]
    config: Mapping[str, int] = field(default_factory=dict)
    decoder: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        return f"transformers.models.{self.name}"

    def sample(self) -> dict[str, object]:
        ids = {"kind": "randint", "low": 20, "high": 99}
        return {
            "id": self.name,
            "config_module": f"{self.package}.configuration_{self.name}",
            "config_class": self.config_class,
            "config": {**SIZES, **self.config},
            "inputs": [
                {"name": "input_ids", "shape": [2, 7], "dtype": "int64", "gen": ids},
                {"name": "attention_mask", "shape": [2, 7], "dtype": "int64", "gen": {"kind": "ones"}},
                *({"name": name, "shape": [2, 5], "dtype": "int64", "gen": ids} for name in self.decoder),
            ],
            "models": [{"name": name, "module": f"{self.package}.modeling_{self.name}"} for name in self.classes],
        }


SIZES = {"vocab_size": 128, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
         "intermediate_size": 64, "max_position_embeddings": 64}  # fmt: skip
TWO_STACKS = {f"{part}_{size}": number for part in ("encoder", "decoder")
              for size, number in {"layers": 2, "attention_heads": 4, "ffn_dim": 64}.items()}  # fmt: skip
FAMILIES = (
    Family("megatron_bert", "MegatronBertConfig", ("MegatronBertModel", "MegatronBertForMaskedLM")),
    Family("llama", "LlamaConfig", ("LlamaModel", "LlamaForCausalLM"), {"num_key_value_heads": 2}),
    Family("m2m_100", "M2M100Config", ("M2M100ForConditionalGeneration",), TWO_STACKS, ("decoder_input_ids",)),
)
GENERATE_TEXT = FAMILIES[1:]
# The tree's own test file, run in a process that has the written folder as a part of the installed package.
RUN_TEST = """
import importlib, sys, unittest
package = importlib.import_module(sys.argv[1])
package.__path__.append(sys.argv[2])
sys.path.insert(0, sys.argv[3])
unittest.main(module=sys.argv[4], argv=["test"], verbosity=0)
"""
# transformers' own generate, of the PyTorch model and of the port that has its weights: the same tokens.
# Saved as h5 and as safetensors, and loaded again, the port gives the same numbers.
GENERATE = """
import importlib, json, sys, tempfile
import numpy as np, tensorflow as tf, torch
package, folder, sample = importlib.import_module(sys.argv[1]), sys.argv[2], json.load(open(sys.argv[3]))
package.__path__.append(folder)
config = getattr(importlib.import_module(sample["config_module"]), sample["config_class"])(**sample["config"])
model = sample["models"][-1]
torch.manual_seed(1)
expected = getattr(importlib.import_module(model["module"]), model["name"])(config).eval()
for weight in expected.parameters():
    weight.data.normal_(0, 0.3)
saved = tempfile.mkdtemp()
expected.save_pretrained(saved)
port = importlib.import_module(model["module"].replace("modeling_", "modeling_tf_"))
found = getattr(port, "TF" + model["name"]).from_pretrained(saved, from_pt=True)
ids, mask = np.random.default_rng(0).integers(20, 99, (2, 7)), np.ones((2, 7), np.int64)
mask[1, 5:] = 0
if not config.is_encoder_decoder:
    mask = mask[:, ::-1].copy()
start = {"decoder_start_token_id": 3} if config.is_encoder_decoder else {}
for asked in ({}, {"num_beams": 3}, {"use_cache": False}):
    asked = {"max_new_tokens": 12, "do_sample": False, "pad_token_id": 0, "eos_token_id": None, **start, **asked}
    theirs = expected.generate(torch.tensor(ids), attention_mask=torch.tensor(mask), **asked).numpy()
    ours = found.generate(tf.constant(ids, tf.int32), attention_mask=tf.constant(mask, tf.int32), **asked).numpy()
    assert theirs.shape == (2, 13 if start else 19) and (theirs == ours).all(), (asked, theirs, ours)
inputs = {"input_ids": tf.constant(ids, tf.int32), "attention_mask": tf.constant(mask, tf.int32)}
inputs |= {"decoder_input_ids": inputs["input_ids"][:, :4]} if start else {}
logits = found(**inputs).logits.numpy()
for safe in (False, True):
    saved = tempfile.mkdtemp()
    found.save_pretrained(saved, safe_serialization=safe)
    again, problems = type(found).from_pretrained(saved, output_loading_info=True)
    assert not any(problems.values()), problems
    np.testing.assert_array_equal(again(**inputs).logits, logits)
"""
# A saved model of the port serves PyTorch's scores, whatever the batch and the length.
SERVE = (
    GENERATE.partition("ids, mask = ")[0]
    + """
found.config.use_cache = False
found.save_pretrained(saved, saved_model=True)
serving = tf.saved_model.load(saved + "/saved_model/1").signatures["serving_default"]
for shape in ((2, 7), (3, 5)):
    ids = np.random.default_rng(0).integers(20, 99, shape).astype(np.int32)
    served = serving(input_ids=tf.constant(ids), attention_mask=tf.ones(shape, tf.int32))
    np.testing.assert_allclose(served["logits"], expected(torch.tensor(ids).long()).logits.detach(), atol=5e-5)
"""
)
# A pipeline of transformers with the class that its automatic one finds writes the words of PyTorch's pipeline.
PIPELINE = (
    GENERATE.partition("ids, mask = ")[0]
    + """
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers
words = Tokenizer(models.WordLevel({f"w{place}": place for place in range(config.vocab_size)}, unk_token="w1"))
words.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, pad_token="w0")
start = {"decoder_start_token_id": 3} if config.is_encoder_decoder else {}
task, auto = ("text2text-generation", "Seq2SeqLM") if start else ("text-generation", "CausalLM")
getattr(transformers, "TFAutoModelFor" + auto).register(type(config), type(found))
found = getattr(transformers, "TFAutoModelFor" + auto).from_pretrained(saved, from_pt=True)
asked = {"max_new_tokens": 8, "do_sample": False, "pad_token_id": 0, "eos_token_id": None, **start}
sentences = ["w20 w31 w42 w53", "w99 w98 w97 w96"]
theirs, ours = (transformers.pipeline(task, model=model, tokenizer=tokenizer, framework=framework)(sentences, **asked)
                for model, framework in ((expected, "pt"), (found, "tf")))
assert theirs == ours and len(str(ours).split()) > 8, (theirs, ours)
"""
)


def porter(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "porter", *arguments)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False)


def in_process(code: str, *arguments: Path | str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A script in a process of its own, which takes the port as a part of the installed package."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1800, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def check_port(family: Family, folder: Path) -> None:
    """The classes match PyTorch with weights that transformers itself has loaded; all points of the guide hold."""
    sample, report = folder / "sample.json", folder / "report.json"
    sample.write_text(json.dumps(family.sample()), encoding="utf-8")
    done = porter("scaffold", family.name, "--target", "transformers4", "--sample", str(sample),
                  "--output", str(folder), "--report", str(report), "--force")  # fmt: skip
    assert report.is_file(), done.stdout + done.stderr
    found = json.loads(report.read_text(encoding="utf-8"))
    classes = {entry["name"]: entry for entry in found["classes"]}
    assert set(classes) == set(family.classes)
    assert all(entry["ok"] for entry in classes.values()), done.stdout + done.stderr
    assert all(len(entry["guide"]) == 6 for entry in classes.values())
    assert "POINT OF THE GUIDE" in done.stdout
    left = [note["message"] for note in found["notes"] if note["level"] == "left"]
    assert (done.returncode, left) == (0, []), done.stdout + done.stderr


def check_files(family: Family, folder: Path) -> None:
    """What a tree gets does not know porter, and its own test passes."""
    package, tests = folder / f"src/transformers/models/{family.name}", folder / f"tests/models/{family.name}"
    names = f"modeling_tf_{family.name}.py", f"test_modeling_tf_{family.name}.py"
    for file in (package / names[0], package / "_tf_utils.py", tests / names[1]):
        assert "import porter" not in file.read_text(encoding="utf-8")
        assert "from porter" not in file.read_text(encoding="utf-8")
    ran = in_process(RUN_TEST, family.package, package, tests, Path(names[1]).stem, folder=folder)
    assert "Ran 3 tests" in ran.stderr


def check_generation(family: Family, folder: Path) -> None:
    """`generate` of transformers gives PyTorch's tokens, greedily and with beams, and so does a pipeline."""
    package = folder / f"src/transformers/models/{family.name}"
    for script in (GENERATE, PIPELINE):
        in_process(script, family.package, package, folder / "sample.json", folder=folder)


def check_serving(family: Family, folder: Path) -> None:
    """A saved model of transformers' `save_pretrained` gives PyTorch's scores."""
    package = folder / f"src/transformers/models/{family.name}"
    in_process(SERVE, family.package, package, folder / "sample.json", folder=folder)


def check_sentences(folder: Path) -> None:
    """What this target does not write is refused in one sentence, and nothing is written."""
    empty = folder / "refused"
    model = Path(__file__).parent / "remote" / "modeling_larch.py"
    for name, said in ((str(model), "writes for a family of transformers"), ("bert", "has TensorFlow classes")):
        done = porter("scaffold", name, "--target", "transformers4", "--output", str(empty))
        assert done.returncode == 2 and said in " ".join(done.stderr.split()), done.stdout + done.stderr
        assert not list(empty.rglob("*.py"))


if __name__ == "__main__":
    target = Path(sys.argv[1]).resolve()
    for one in FAMILIES:
        written = target / one.name
        written.mkdir(parents=True, exist_ok=True)
        check_port(one, written)
        check_files(one, written)
    for one in GENERATE_TEXT:
        check_generation(one, target / one.name)
    check_serving(GENERATE_TEXT[0], target / GENERATE_TEXT[0].name)
    check_sentences(target)
    print("families without TensorFlow classes have them in a tree of transformers 4, proven there")
