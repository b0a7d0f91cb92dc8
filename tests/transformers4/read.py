"""In an environment with transformers 4: load what write.py wrote with the stock TensorFlow classes, and compare.

python tests/transformers4/read.py FOLDER: one line per class; exit code 1 if a key is missing, unexpected or
mismatched, or an output differs by more than 1e-5 of its scale.
"""

import inspect
import os
import sys
from pathlib import Path

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_USE_LEGACY_KERAS="1", TF_ENABLE_ONEDNN_OPTS="0")

import numpy as np
import tf_keras
import transformers

TOLERANCE = 1e-5
KEYS = ("missing_keys", "unexpected_keys", "mismatched_keys")


def check(folder: Path, source: str | None = None) -> str:
    """What is wrong with one class; empty if nothing is. Its weights come from `source`, else from the folder."""
    tf_keras.backend.clear_session()  # numbers of unnamed layers start again, as in a process of its own
    model_class = getattr(transformers, f"TF{folder.name}")
    model, info = model_class.from_pretrained(source or folder, output_loading_info=True, use_safetensors=False)
    wrong = [f"{kind}: {sorted(info[kind])[:3]}" for kind in KEYS if info[kind]]
    taken = inspect.signature(model.call).parameters
    inputs = {name: value for name, value in np.load(folder / "inputs.npz").items() if name in taken}
    outputs = model(inputs, training=False)
    expected = {**np.load(folder / "outputs.npz")}
    if not expected:
        wrong.append("no output to compare")
    for name, value in expected.items():
        found = np.asarray(outputs[name])
        if found.shape != value.shape:
            wrong.append(f"{name}: shape {found.shape}, expected {value.shape}")
            continue
        error = float(np.abs(found - value).max())
        if not error <= TOLERANCE * max(1.0, float(np.abs(value).max())):
            wrong.append(f"{name} differs by {error:.1e}")
    return "; ".join(wrong)


def main(folder: Path) -> int:
    transformers.logging.set_verbosity_error()
    classes = sorted(path.parent for path in folder.glob("*/outputs.npz"))
    wrong = {path.name: check(path) for path in classes}
    for name, text in wrong.items():
        print(f"{name:45} {text or 'ok'}")
    failed = sum(bool(text) for text in wrong.values())
    print(f"{len(wrong) - failed} of {len(wrong)} classes load and match (transformers {transformers.__version__}).")
    return int(failed > 0 or not wrong)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
