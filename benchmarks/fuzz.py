"""Hostile input, drawn at random from a seed: every command has to end with a sentence and an exit code, never 70.

Run: python benchmarks/fuzz.py [--number 2000] [--seed 0] [--kind configurations]
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script
from benchmarks.hostile_hub import REPO, TOKEN, fresh_cache, is_json, serving

ODD = (
    None, True, -1, 0, 1, 3, 2**31, 10**9, 10**30, -5, 0.5, float("nan"), float("inf"), "", "x", "evil", "../x", "1",
    "\ud800", "os.system", "a\x00b", [], {}, [[]], [0], {"a": 1}, {"model_type": "bert"}, "float32", ["BertModel"],
)  # fmt: skip
ADDED = ("num_labels", "auto_map", "quantization_config", "dtype", "new")
FINE = {0, 1, 2, 3}
TO_PLAN = ["pt-to-tf", "--no-pr", "--dry-run"]


@dataclass(frozen=True)
class Kit:
    """Good inputs of every kind, to be spoiled: a checkpoint with its port, two recordings, a sample, inputs."""

    folder: Path
    model: Path
    port: Path
    recordings: tuple[Path, Path]
    sample: Path
    inputs: Path

    @property
    def cache(self) -> Path:
        """Where the plan of the checkpoint is kept."""
        return self.folder / "cache"


def make_kit(folder: Path) -> Kit:
    """A tiny BERT and all that belongs to it."""
    from transformers import BertConfig, BertModel
    from typer.testing import CliRunner

    from porter.cli import app
    from porter.port.chain import Options, run
    from porter.subject.strong_weights import strengthen

    config = BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=32,
    )  # fmt: skip
    model = BertModel(config).eval()
    strengthen(model)
    model.save_pretrained(folder / "model")
    run(Options("bert", folder / "port", ("BertModel",), None, False))
    kit = Kit(
        folder, folder / "model", folder / "port" / "modeling_tf_bert.py", (folder / "a.rec", folder / "b.rec"),
        folder / "sample.json", folder / "inputs.json",
    )  # fmt: skip
    kit.inputs.write_text(json.dumps({"input_ids": [[1, 2, 3], [4, 5, 6]], "attention_mask": [[1, 1, 1], [1, 1, 0]]}))
    ids = {"name": "input_ids", "shape": [2, 5], "dtype": "int64", "gen": {"kind": "randint", "low": 0, "high": 50}}
    sample = {
        "family": "bert", "config_module": "transformers.models.bert.configuration_bert",
        "config_class": "BertConfig",
        "config": {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 50},
        "inputs": [ids], "models": [{"name": "BertModel", "module": "transformers.models.bert.modeling_bert"}],
    }  # fmt: skip
    kit.sample.write_text(json.dumps(sample))
    for framework, file in zip(("pytorch", "tensorflow"), kit.recordings, strict=True):
        command = ["record", "--model", str(kit.model), "--framework", framework, "--output", str(file)]
        command += ["--tf", str(kit.port), "--inputs", str(kit.inputs)]
        assert CliRunner().invoke(app, command).exit_code == 0
    with cache_folder(kit.cache):
        planned = CliRunner().invoke(app, [*TO_PLAN, "--model", str(kit.model), "--tf", str(kit.port)])
    assert planned.exit_code == 0
    return kit


@contextmanager
def cache_folder(folder: Path) -> Iterator[None]:
    """Let plans be kept there; what a case sets is undone."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("XDG_CACHE_HOME")
        if before is not None:
            os.environ["XDG_CACHE_HOME"] = before


def spoiled_json(draw: random.Random, text: str) -> bytes:
    """A JSON text with one to three members replaced, removed or added; at times with bytes spoiled instead."""
    if draw.random() < 0.2:
        return spoiled_bytes(draw, text.encode())
    value = json.loads(text)
    for _ in range(draw.randint(1, 3)):
        holders = list(_holders(value))
        if not holders:
            break
        holder = draw.choice(holders)
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys or draw.random() < 0.1:
            if isinstance(holder, dict):
                holder[draw.choice(ADDED)] = draw.choice(ODD)
            continue
        key = draw.choice(keys)
        if draw.random() < 0.2:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(draw.choice(ODD))
    return json.dumps(value).encode()


def _holders(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for part in value.values() if isinstance(value, dict) else value:
            yield from _holders(part)


def spoiled_bytes(draw: random.Random, raw: bytes) -> bytes:
    """Bytes cut off, flipped, left out or nested a hundred thousand deep."""
    how = draw.randrange(5) if raw else 1
    if how == 0:
        return raw[: draw.randrange(len(raw))]
    if how == 1:
        return b"[" * 100_000
    if how == 2:
        start = draw.randrange(len(raw))
        return raw[:start] + raw[start + draw.randint(1, 50) :]
    spoiled = bytearray(raw)
    for _ in range(draw.randint(1, 6)):
        spoiled[draw.randrange(len(raw))] = draw.randrange(256)
    return bytes(spoiled)


def configurations(draw: random.Random, kit: Kit, here: Path) -> list[str]:
    model = shutil.copytree(kit.model, here / "model")
    file = model / "config.json"
    file.write_bytes(spoiled_json(draw, file.read_text()))
    ways = [
        ["diff", "--model", str(model), "--tf", str(kit.port), "--inputs", str(kit.inputs)],
        ["pt-to-tf", "--model", str(model), "--tf", str(kit.port), "--no-pr", "--dry-run"],
        ["scaffold", str(model), "--output", str(here / "o"), "--no-verify", "--class", "BertModel"],
    ]
    return draw.choice(ways)


def weights(draw: random.Random, kit: Kit, here: Path) -> list[str]:
    model = shutil.copytree(kit.model, here / "model")
    file = model / "model.safetensors"
    if draw.random() < 0.3:
        file.unlink()
        file = model / "pytorch_model.bin"
        file.write_bytes(spoiled_bytes(draw, _bin(kit)))
    else:
        file.write_bytes(spoiled_bytes(draw, file.read_bytes()))
    return ["pt-to-tf", "--model", str(model), "--tf", str(kit.port), "--no-pr", "--dry-run"]


def _bin(kit: Kit) -> bytes:
    import safetensors.torch
    import torch

    buffer = io.BytesIO()
    torch.save(safetensors.torch.load_file(kit.model / "model.safetensors"), buffer)
    return buffer.getvalue()


def recordings(draw: random.Random, kit: Kit, here: Path) -> list[str]:
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    files = []
    for number, good in enumerate(kit.recordings):
        file = here / f"{number}.rec"
        shutil.copyfile(good, file)
        if number == 0 or draw.random() < 0.3:
            if draw.random() < 0.3:
                file.write_bytes(spoiled_bytes(draw, good.read_bytes()))
            else:
                with safe_open(good, "numpy") as opened:
                    metadata = opened.metadata()
                document = spoiled_json(draw, metadata["document"]).decode("utf-8", "replace")
                save_file(load_file(good), file, {**metadata, "document": document})
        files.append(str(file))
    return ["diff", *draw.sample(files, 2), "--html", str(here / "r.html"), "--junit", str(here / "r.xml")]


def samples(draw: random.Random, kit: Kit, here: Path) -> list[str]:
    file = here / "sample.json"
    file.write_bytes(spoiled_json(draw, kit.sample.read_text()))
    return ["scaffold", "bert", "--sample", str(file), "--output", str(here / "o"), "--no-verify"]


def inputs(draw: random.Random, kit: Kit, here: Path) -> list[str]:
    import numpy as np

    file = here / draw.choice(["inputs.json", "inputs.npz"])
    if file.suffix == ".json":
        file.write_bytes(spoiled_json(draw, kit.inputs.read_text()))
    else:
        np.savez(file, **{name: np.array(value) for name, value in json.loads(kit.inputs.read_text()).items()})
        file.write_bytes(spoiled_bytes(draw, file.read_bytes()))
    return ["diff", "--model", str(kit.model), "--tf", str(kit.port), "--inputs", str(file)]


def _first_line_kept(draw: random.Random, text: str) -> bytes:
    """A kept plan changed below its digest."""
    return text.partition("\n")[0].encode() + b"\n" + spoiled_json(draw, text.partition("\n")[2])


def plans(draw: random.Random, kit: Kit, here: Path) -> list[str]:
    place = here / "cache"
    shutil.copytree(kit.cache, place)
    os.environ["XDG_CACHE_HOME"] = str(place)
    (file,) = place.rglob("*.json")
    file.write_bytes(_first_line_kept(draw, file.read_text()))
    return [*TO_PLAN, "--model", str(kit.model), "--tf", str(kit.port)]


def hub(draw: random.Random, kit: Kit, here: Path) -> list[str]:
    port = ["--tf", str(kit.port)]
    ways = [
        ["pt-to-tf", "--model", REPO, "--no-pr", "--dry-run", *port],
        ["pt-to-tf", "--model", REPO, "--output", str(here / "o"), *port],
        ["pt-to-tf", "--model", REPO, "--output", str(here / "o"), "--push", "--yes", *port],
        ["diff", "--model", REPO, "--inputs", str(kit.inputs), *port],
        ["scaffold", REPO, "--output", str(here / "o"), "--no-verify", "--class", "BertModel"],
    ]
    return draw.choice(ways)


KINDS: dict[str, Callable[[random.Random, Kit, Path], list[str]]] = {
    "configurations": configurations, "weights": weights, "recordings": recordings, "samples": samples,
    "inputs": inputs, "plans": plans, "hub": hub,
}  # fmt: skip


def failures(kit: Kit, kind: str, number: int, seed: int) -> Iterator[tuple[int, str]]:
    """The cases that ended as none may: which, and what was said last. How many ended how goes to stderr."""
    codes: Counter[int] = Counter()
    own = kit.folder / f"cache-{kind}"
    own.mkdir()
    with cache_folder(own), serving(kit.model) if kind == "hub" else nullcontext() as served:
        for case in range(number):
            draw = random.Random(f"{kind} {seed} {case}")
            here = Path(tempfile.mkdtemp(dir=kit.folder))
            beside = set(kit.folder.iterdir())
            if served is not None:
                served.spoil(draw, _spoiled_answer)
                fresh_cache(here / "hub")
            command = KINDS[kind](draw, kit, here)
            code, wrong = ended(command)
            codes[code] += 1
            left = [*set(kit.folder.iterdir()) - beside, *here.glob(".*.porter-*")]
            if wrong or left:
                yield case, f"{' '.join(command)}\n  {wrong} {left}"
            shutil.rmtree(here)
    print(f"{kind}: {dict(sorted(codes.items()))}", file=sys.stderr)


def ended(command: list[str]) -> tuple[int, str]:
    """The exit code of a command, and what is wrong with how it ended, if anything is."""
    from typer.testing import CliRunner

    from porter.cli import app

    started, busy = time.monotonic(), time.process_time()
    done = CliRunner().invoke(app, command)
    spent = f"{time.process_time() - busy:.0f} s of processor time, {time.monotonic() - started:.0f} s"
    crashed = done.exception is not None and not isinstance(done.exception, SystemExit)
    slow = time.process_time() - busy > 60 or time.monotonic() - started > 600
    leaks = "Traceback" in done.output or TOKEN in done.output
    if done.exit_code in FINE and not (crashed or slow or leaks):
        return done.exit_code, ""
    return done.exit_code, f"{done.exit_code} after {spent}: {done.stderr.strip()[-400:]} {done.exception!r}"


def _spoiled_answer(draw: random.Random, raw: bytes) -> bytes:
    return spoiled_json(draw, raw.decode()) if is_json(raw) else spoiled_bytes(draw, raw)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=2000, help="cases in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=KINDS)
    options = parser.parse_args()
    kinds = [options.kind] if options.kind else list(KINDS)
    found = 0
    with tempfile.TemporaryDirectory() as folder:
        kit = make_kit(Path(folder))
        for kind in kinds:
            for case, said in failures(kit, kind, options.number // len(kinds), options.seed):
                found += 1
                print(f"{kind} {case}: {said}\n")
    print(f"{found} cases of {options.number} ended as none may.")
    raise SystemExit(found > 0)


if __name__ == "__main__":
    main()
