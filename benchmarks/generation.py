"""How fast ports generate: `python benchmarks/generation.py [gpt2] [llama] [--layers N]`, tokens per second.

PyTorch's `generate` (eager, dynamic cache) and the port's (one graph, a cache of fixed size), greedy, in one process
on the same threads, their runs taken in turn, at base size (12 layers, hidden size 768). Both must give the same
tokens, which is checked first. Prints medians; compile time is not counted.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

PROMPT, NEW, RUNS = 32, 64, 5
BASE: dict[str, tuple[str, str, dict[str, int]]] = {
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", {"n_layer": 12, "n_embd": 768, "n_head": 12, "vocab_size": 50257}),
    "llama": (
        "LlamaForCausalLM",
        "LlamaConfig",
        {
            "num_hidden_layers": 12,
            "hidden_size": 768,
            "intermediate_size": 2048,
            "num_attention_heads": 12,
            "num_key_value_heads": 12,
            "vocab_size": 32000,
        },
    ),
}


def main() -> None:
    """Measure and print."""
    from report import machine

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*", default=list(BASE))
    parser.add_argument("--layers", type=int, default=12)
    asked = parser.parse_args()
    print(f"{machine()}; {len(os.sched_getaffinity(0))} threads; prompt of {PROMPT}, {NEW} new tokens, greedy\n")
    print("| Family | Batch | PyTorch, tokens/s | Port, tokens/s | Ratio |\n| --- | --- | --- | --- | --- |")
    for family in asked.families:
        for batch in (1, 8):
            theirs, ours = measured(family, batch, asked.layers)
            print(f"| {family} | {batch} | {theirs:.1f} | {ours:.1f} | {ours / theirs:.2f} |", flush=True)


def measured(family: str, batch: int, layers: int) -> tuple[float, float]:
    """Tokens per second of PyTorch and of the port."""
    from porter.base.quiet import quiet_frameworks

    quiet_frameworks()
    with tempfile.TemporaryDirectory() as folder:
        runs = generators(family, batch, layers, Path(folder))
        taken: list[list[float]] = [[], []]
        for _ in range(RUNS + 1):  # the first compiles
            for times, run in zip(taken, runs, strict=True):
                started = time.perf_counter()
                run()
                times.append(time.perf_counter() - started)
    theirs, ours = (batch * NEW / median(times[1:]) for times in taken)
    return theirs, ours


def generators(family: str, batch: int, layers: int, folder: Path) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """PyTorch's run and the port's, on the same weights and prompt."""
    import numpy as np
    import torch
    import transformers

    from porter.port.load import import_file

    name, config_name, sizes = BASE[family]
    command = [sys.executable, "-m", "porter", "scaffold", family, "--class", name, "--no-verify"]
    subprocess.run([*command, "--output", str(folder / "port")], check=True, capture_output=True)
    key = "n_layer" if "n_layer" in sizes else "num_hidden_layers"
    torch.manual_seed(0)
    model = getattr(transformers, name)(getattr(transformers, config_name)(**{**sizes, key: layers})).eval()
    with torch.no_grad():  # away from the usual small numbers, with which every token is nearly as likely
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(2.0)
    model.save_pretrained(folder / "checkpoint")
    port = getattr(import_file(folder / "port" / f"modeling_tf_{family}.py"), f"TF{name}")
    tf_model = port.from_pretrained(folder / "checkpoint", from_pt=True)
    ids = np.random.default_rng(0).integers(100, 20000, (batch, PROMPT))
    asked: dict[str, Any] = {"max_new_tokens": NEW, "eos_token_id": None, "pad_token_id": 0}
    tensor = torch.from_numpy(ids)
    theirs = lambda: model.generate(tensor, attention_mask=torch.ones_like(tensor), **asked).numpy()  # noqa: E731
    ours = lambda: tf_model.generate(ids, **asked).numpy()  # noqa: E731
    if not np.array_equal(theirs(), ours()):
        raise SystemExit(f"{family}: the tokens differ, so the times say nothing.")
    return theirs, ours


if __name__ == "__main__":
    main()
