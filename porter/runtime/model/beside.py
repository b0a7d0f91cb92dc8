"""Ports that lie in one folder: which file has a class, and which class of it other models hold.

Loads no framework: what writes ports asks the same questions as the ports themselves.
"""

from __future__ import annotations

import re
from pathlib import Path

PATTERN = "modeling_tf_*.py"


def file_with(folder: Path, torch_class: str) -> Path | None:
    """The file of the folder that has the port of a PyTorch class, `TF<its name>`; None where none has."""
    defined = re.compile(rf"^class TF{re.escape(torch_class)}\(", re.MULTILINE)
    files = (file for file in sorted(folder.glob(PATTERN)) if defined.search(file.read_text(encoding="utf-8")))
    return next(files, None)


def main_layer(torch_class: str) -> str:
    """What the main layer of a model's port is called: TFBertMainLayer for BertModel."""
    return f"TF{torch_class.removesuffix('Model')}MainLayer"
