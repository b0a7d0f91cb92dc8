"""What converting weights costs, beside `cp` of the same files in the same run.

python benchmarks/convert.py [--old PYTHON] [--times N] [FOLDER]: two checkpoints are made in FOLDER (default: a
temporary one), a BERT-large (1.3 GB in one file) and a 5 GB BERT in several files. Each step runs in a process of its
own, whose peak memory is the kernel's (ru_maxrss). Every step ends with `sync` of what it wrote, `cp` as well; the
source is in the page cache for all ("warm") or for none ("cold"). With --old, the Python of an environment with
transformers 4 and PyTorch converts the smaller one as people did before: TFBertModel.from_pretrained(from_pt=True) and
save_pretrained alone, and all that its pt-to-tf did, on inputs of the sizes that porter takes: PyTorch's outputs,
TensorFlow's after loading PyTorch's weights, saving, and TensorFlow's again after loading what was saved.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

PORT = Path(__file__).parents[1] / "tests" / "runtime" / "modeling_tf_small_bert.py"
LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
HUGE = {"hidden_size": 2048, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 8192}
SHARD_LIMIT = 1_300_000_000

PLAN = """
import json, sys
from pathlib import Path
from porter.base.quiet import quiet_frameworks
quiet_frameworks()
from porter.port.load import PortSource, load_class
from porter.runtime.stored.checkpoint import open_checkpoint
from porter.weights.plan.plan import build_without_weights, make_plan
folder = Path(sys.argv[2])
model_class = load_class(PortSource(Path(sys.argv[1]), "TFBertModel"))
with open_checkpoint(folder) as checkpoint:
    config = model_class.config_class.from_pretrained(folder)
    plan = make_plan(build_without_weights(model_class, config, checkpoint), checkpoint)
(folder / "plan.json").write_text(json.dumps(plan.to_json()))
"""
CONVERT = """
import json, sys
from pathlib import Path
from porter.runtime.stored.checkpoint import open_checkpoint
from porter.weights.convert.convert import convert
from porter.weights.options import Target
from porter.weights.plan.plan import Plan
from porter.weights.convert.readback import check_written
folder, out, check = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "check"
plan = Plan.from_json(json.loads((folder / "plan.json").read_text()))
with open_checkpoint(folder) as checkpoint:
    files = convert(plan, checkpoint, out)
    if check:
        check_written(plan, checkpoint, files, Target())
"""
OLD = """
import os, sys
os.environ["TF_USE_LEGACY_KERAS"] = "1"
from transformers import TFBertModel
TFBertModel.from_pretrained(sys.argv[1], from_pt=True).save_pretrained(sys.argv[2])
"""
OLD_VERIFIED = """
import os, sys
os.environ["TF_USE_LEGACY_KERAS"] = "1"
import numpy, tensorflow, torch
from transformers import BertModel, TFBertModel

def trials():
    draw = numpy.random.default_rng(0)
    for batch, length, padding in ((2, 1, 0), (2, 7, 0), (1, 128, 0), (2, 7, slice(4, 7)), (2, 7, slice(0, 3))):
        mask = numpy.ones((batch, length), numpy.int64)
        mask[1:, padding] = int(padding == 0)
        yield {"input_ids": draw.integers(1000, 30000, (batch, length)), "attention_mask": mask}

def compare(model):
    for inputs, expected in zip(trials(), reference):
        given = {name: tensorflow.constant(value) for name, value in inputs.items()}
        found = model(**given, output_hidden_states=True)
        pairs = zip((*found.hidden_states, found.pooler_output), (*expected.hidden_states, expected.pooler_output))
        assert max(abs(first.numpy() - second.numpy()).max() for first, second in pairs) < 5e-5

torch_model = BertModel.from_pretrained(sys.argv[1]).eval()
with torch.no_grad():
    given = ({name: torch.tensor(value) for name, value in inputs.items()} for inputs in trials())
    reference = [torch_model(**inputs, output_hidden_states=True) for inputs in given]
del torch_model
model = TFBertModel.from_pretrained(sys.argv[1], from_pt=True)
compare(model)
model.save_pretrained(sys.argv[2])
del model
compare(TFBertModel.from_pretrained(sys.argv[2]))
"""


def shapes(config: dict[str, int]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A BertModel's parameters."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    yield "embeddings.word_embeddings.weight", (30522, width)
    yield "embeddings.position_embeddings.weight", (512, width)
    yield "embeddings.token_type_embeddings.weight", (2, width)
    dense = {"attention.self.query": (width, width), "attention.self.key": (width, width)}
    dense |= {"attention.self.value": (width, width), "attention.output.dense": (width, width)}
    dense |= {"intermediate.dense": (inner, width), "output.dense": (width, inner)}
    names = {"pooler.dense": (width, width)}
    norms = ["embeddings.LayerNorm"]
    for number in range(config["num_hidden_layers"]):
        names |= {f"encoder.layer.{number}.{name}": shape for name, shape in dense.items()}
        norms += [f"encoder.layer.{number}.{part}.LayerNorm" for part in ("attention.output", "output")]
    for name, shape in names.items():
        yield f"{name}.weight", shape
        yield f"{name}.bias", shape[:1]
    for name in norms:
        yield f"{name}.weight", (width,)
        yield f"{name}.bias", (width,)


def make_checkpoint(folder: Path, config: dict[str, int]) -> int:
    """Write random weights in files of at most SHARD_LIMIT bytes, a file at a time; return the bytes."""
    from safetensors.numpy import save_file

    from porter.runtime.stored.shards import shards
    from porter.runtime.stored.writers import Entry

    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "architectures": ["BertModel"], **config}))
    entries = [Entry(name, name, (), shape, "float32") for name, shape in shapes(config)]
    files = shards(entries, 2 * SHARD_LIMIT if config is LARGE else SHARD_LIMIT)
    single = len(files) == 1
    names = ["model.safetensors"] if single else [f"model-{n:05d}.safetensors" for n in range(len(files))]
    draw = np.random.default_rng(0)
    for name, part in zip(names, files, strict=True):
        tensors = {entry.name: weights(entry.name, draw.standard_normal(entry.shape, np.float32)) for entry in part}
        save_file(tensors, folder / name, metadata={"format": "pt"})
    if not single:
        index = {entry.key: name for name, part in zip(names, files, strict=True) for entry in part}
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    return sum(entry.size for entry in entries)


def weights(name: str, noise: np.ndarray) -> np.ndarray:
    """Numbers with which the model computes something: norms near one, sums of the size of what is summed."""
    if noise.ndim == 1:
        return 0.1 * noise + np.float32(name.endswith("LayerNorm.weight"))
    return noise * np.float32(0.5 if "embeddings" in name else noise.shape[1] ** -0.5)


def measured(command: list[str], out: Path) -> tuple[float, float, float]:
    """Seconds until what was written is on the disk, processor seconds, and peak memory in MB."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=sys.stderr); "
        "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss)"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    subprocess.run(["sync", *(str(file) for file in out.rglob("*") if file.is_file())], check=True)
    seconds = time.perf_counter() - started
    processor, memory = map(float, done.stdout.split())
    return seconds, processor, memory / 1024


def prepare(files: list[Path], *, warm: bool) -> None:
    """Put files into the page cache, or drop them from it."""
    for file in files:
        with file.open("rb") as stream:
            if warm:
                while stream.read(1 << 24):
                    pass
            else:
                os.fsync(stream.fileno())
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def steps(source: Path, old: str | None) -> Iterator[tuple[str, bool, Callable[[Path], list[str]]]]:
    """Name of a step, whether it starts with the source in the cache, and its command."""
    weights = sorted(map(str, source.glob("*.safetensors")))
    for warm in (True, False):
        state = "warm" if warm else "cold"
        yield f"cp, {state}", warm, lambda out: ["cp", *weights, str(out)]
        yield f"convert, {state}", warm, lambda out: [sys.executable, "-c", CONVERT, str(source), str(out), "no"]
    yield "convert and read back", True, lambda out: [sys.executable, "-c", CONVERT, str(source), str(out), "check"]
    command = [sys.executable, "-m", "porter", "pt-to-tf", "--model-name", str(source), "--tf", str(PORT), "--no-pr"]
    yield "porter pt-to-tf, all verified", True, lambda out: [*command, "--output", str(out / "tf")]
    if old is not None:
        yield "transformers 4, nothing verified", True, lambda out: [old, "-c", OLD, str(source), str(out)]
        yield "transformers 4, verified", True, lambda out: [old, "-c", OLD_VERIFIED, str(source), str(out)]


def rows(folder: Path, name: str, config: dict[str, int], options: argparse.Namespace) -> Iterator[tuple[str, ...]]:
    """One row per step: the run with the least wall time, and the greatest memory of all runs."""
    source = folder / name
    size = make_checkpoint(source, config)
    subprocess.run([sys.executable, "-c", PLAN, str(PORT), str(source)], check=True)
    copied = 0.0
    for step, warm, command in steps(source, options.old if config is LARGE else None):
        runs = []
        for _ in range(options.times):
            prepare(sorted(source.glob("*.safetensors")), warm=warm)
            with tempfile.TemporaryDirectory(dir=folder) as out:
                runs.append(measured(command(Path(out)), Path(out)))
        seconds, processor = min(runs)[:2]
        memory = max(memory for _, _, memory in runs)
        copied = seconds if step.startswith("cp") else copied
        times = f"{seconds / copied:.1f}" if "convert" in step else ""
        load = f"{os.getloadavg()[0]:.1f}"
        row = (name, f"{size / 1e9:.2f} GB", step, f"{seconds:.1f} s", times, f"{processor:.1f} s")
        yield *row, f"{memory:.0f} MB", load
    shutil.rmtree(source)


def main(folder: Path, options: argparse.Namespace) -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}\n")
    print(f"| checkpoint | size | step | best of {options.times} | times cp | processor | peak memory | load |")
    print("|---|---|---|---|---|---|---|---|")
    for name, config in (("bert-large", LARGE), ("bert-5GB", HUGE)):
        for row in rows(folder, name, config, options):
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", help="where there is room for twice 5 GB")
    parser.add_argument("--old", help="Python of an environment with transformers 4, TensorFlow and PyTorch")
    parser.add_argument("--times", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        main(Path(scratch), arguments)
