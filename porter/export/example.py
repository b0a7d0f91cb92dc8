"""How a TorchScript file or an exported program is loaded and called, as Python to be copied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ENDING_OF_PROGRAMS = ".pt2"
NEURON_HINT = "# For AWS Neuron: the same command with --neuron, where its compiler is installed."


def torch_example(file: Path, about: Mapping[str, Any]) -> Iterator[str]:
    """The lines of the example.

    Args:
        file: what was written.
        about: what export.json says of it; a file that breaks in other sizes is given padded inputs.
    """
    program = file.suffix == ENDING_OF_PROGRAMS
    yield "import torch"
    if about["fixed"] and not program:
        yield "import torch_neuronx  # torch_neuron on Inf1"
    yield ""
    yield f'model = torch.export.load("{file}").module()' if program else f'model = torch.jit.load("{file}")'
    names = list(about["traced"])
    if about["breaks_on"] or about["fixed"]:
        for name, sizes in about["traced"].items():
            if len(sizes) == 2:
                yield f"{name} = torch.nn.functional.pad({name}, (0, {sizes[1]} - {name}.shape[1]))"
    results = "".join(f"{port['name'].replace('.', '_')}, " for port in about["outputs"]).rstrip()
    yield f"({results}) = model({', '.join(names)})"
    if not about["fixed"] and not program:
        yield NEURON_HINT
