"""How often `diffcheck.exported` names the module and the operation of a mistake planted in an ONNX file.

python benchmarks/export_mutants.py [FAMILY ...]

Tiny models with strong random weights are exported by both of PyTorch's exporters. Each file is compared as it is, and
must match; then with one operation changed at a time, up to EDITS of those that move the outputs beyond the tolerance.
"""

import contextlib
import io
import random
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import diffcheck
from diffcheck.exported import NotAnExport, diff_export
from porter.subject.strong_weights import strengthen

EDITS = 6
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
TEXT, IMAGES, SOUND = ("input_ids", "attention_mask"), ("pixel_values",), ("input_values",)
CONVOLUTIONS = {"conv_dim": (16, 16), "conv_stride": (5, 4), "conv_kernel": (10, 8), "num_feat_extract_layers": 2,
                "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2}  # fmt: skip
# Class, sizes, inputs.
FAMILIES: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "bert": ("BertModel", SIZES, TEXT),
    "albert": ("AlbertModel", {"embedding_size": 16, **SIZES}, TEXT),
    "gpt2": ("GPT2Model", {"n_embd": 32, "n_layer": 2, "n_head": 4, "use_cache": False}, TEXT),
    "llama": ("LlamaModel", {"num_key_value_heads": 2, "use_cache": False, **SIZES}, TEXT),
    "qwen3": ("Qwen3Model", {"num_key_value_heads": 2, "head_dim": 8, "use_cache": False, **SIZES}, TEXT),
    "vit": ("ViTModel", {"image_size": 32, "patch_size": 8, **SIZES}, IMAGES),
    "convnext": ("ConvNextModel", {"image_size": 32, "depths": [1] * 4, "hidden_sizes": [8, 16, 16, 32]}, IMAGES),
    "resnet": ("ResNetModel", {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]}, IMAGES),
    "wav2vec2": ("Wav2Vec2Model", {**CONVOLUTIONS, **SIZES}, SOUND),
}  # fmt: skip
SWAPS = {"Add": "Sub", "Sub": "Add", "Mul": "Add", "Tanh": "Sigmoid", "Relu": "Identity", "Sqrt": "Exp"}


def attribute(name: str, change: Callable[[Any], object]) -> Callable[[Any], object]:
    return lambda node: [
        setattr(a, "f" if name == "epsilon" else "i", change(a)) for a in node.attribute if a.name == name
    ]


def other_gelu(node: Any) -> None:
    import onnx

    tanh = any(a.s == b"tanh" for a in node.attribute)
    del node.attribute[:]
    node.attribute.append(onnx.helper.make_attribute("approximate", "none" if tanh else "tanh"))


EDITED: dict[str, Callable[[Any], object]] = {
    "LayerNormalization": attribute("epsilon", lambda _: 0.1),
    "Softmax": attribute("axis", lambda _: 2),
    "Gelu": other_gelu,
    **{old: lambda node: setattr(node, "op_type", SWAPS[node.op_type]) for old in SWAPS},
}


def made(family: str) -> tuple[Any, dict[str, Any]]:
    """The model and its inputs."""
    import torch
    import transformers

    torch.manual_seed(0)
    name, sizes, wanted = FAMILIES[family]
    model_class = getattr(transformers, name)
    config = model_class.config_class(**({"vocab_size": 99} if wanted is not IMAGES else {}), **sizes)
    config._attn_implementation = "eager"
    model = model_class(config).eval()
    strengthen(model)
    draw = np.random.default_rng(0)
    mask = np.ones((2, 9), np.int64)
    mask[1, 6:] = 0
    every = {"input_ids": draw.integers(3, 90, (2, 9)), "attention_mask": mask,
             "pixel_values": draw.standard_normal((2, 3, 32, 32)).astype(np.float32),
             "input_values": draw.standard_normal((2, 4000)).astype(np.float32)}  # fmt: skip
    return model, {input_: every[input_] for input_ in wanted}


def exported(model: Any, inputs: dict[str, Any], file: Path, dynamo: bool) -> None:
    import torch

    tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
    quiet = (contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()))
    with warnings.catch_warnings(), quiet[0], quiet[1]:
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (), file, kwargs=tensors, input_names=list(inputs), dynamo=dynamo, external_data=False
        )


def measured(family: str, dynamo: bool, folder: Path) -> Iterator[tuple[bool, bool]]:
    """For each mistake whether its module and its operation were named; the clean file must match."""
    import onnx

    from diffcheck.exported import open_export
    from diffcheck.exported.graph import calls_of

    model, inputs = made(family)
    file = folder / f"{family}-{dynamo}.onnx"
    exported(model, inputs, file, dynamo)
    reference = diffcheck.record_torch(model, inputs)
    clean = diff_export(reference, file, model=model)
    assert clean.matches, f"{family}: a clean file differs\n" + "\n".join(clean.sentences())
    calls = calls_of(open_export(file), {module.path for module in reference.structure.modules})
    owner = {
        tensor: call.path
        for call in sorted(calls, key=lambda c: len(c.path))
        for n in call.nodes
        for tensor in n.outputs
    }
    places = [n for n, node in enumerate(onnx.load(file).graph.node) if node.op_type in EDITED]
    random.Random(0).shuffle(places)
    done = 0
    for place in places:
        changed = onnx.load(file)
        node = changed.graph.node[place]
        EDITED[node.op_type](node)
        onnx.save(changed, folder / "wrong.onnx")
        try:
            report = diff_export(reference, folder / "wrong.onnx", model=model)
        except NotAnExport:
            continue
        if report.crash or report.outputs.matches or done == EDITS:
            continue
        done += 1
        said = report.origin
        named = said is not None and said.tf is not None and any(name in said.tf.text for name in node.output)
        right = said is not None and said.path == owner[node.output[0]]
        if not right:
            print(f"  {node.name} in {owner[node.output[0]]}: said {said and said.path}", flush=True)
        yield right, named


def main(families: list[str]) -> None:
    total = np.zeros(3, int)
    with tempfile.TemporaryDirectory() as folder:
        for family in families or FAMILIES:
            for exporter in ("dynamo", "torchscript"):
                try:
                    found = list(measured(family, exporter == "dynamo", Path(folder)))
                except (TypeError, RuntimeError) as error:
                    print(
                        f"{family:<10} {exporter:<12} PyTorch does not export it: {error}".splitlines()[0], flush=True
                    )
                    continue
                row = np.array([len(found), sum(right for right, _ in found), sum(named for _, named in found)])
                total += row
                print(
                    f"{family:<10} {exporter:<12} {row[0]} mistakes, module {row[1]}, operation {row[2]}", flush=True
                )
    shares = total[1:] / total[0]
    print(f"{total[0]} mistakes: module {shares[0]:.1%}, operation {shares[1]:.1%}; no clean file differed")


if __name__ == "__main__":
    main(sys.argv[1:])
