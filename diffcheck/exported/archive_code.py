"""What in an archive of PyTorch's does more than compute: pickled objects, libraries, expressions, file operations."""

from __future__ import annotations

import io
import json
import pickle
import re
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from diffcheck.exported.graph import NotAnExport

# In the code of a TorchScript file: operations on files, and operations that a library would have to add.
_SCRIPT = re.compile(r"\b(torch\.(?:from_file|save|load)\w*)\(|\b(ops\.(?!aten\.|prim\.|quantized\.)\w+\.\w+)")
_TARGET = re.compile(
    r"(torch\.ops\.(aten|prims|higher_order|quantized)\.(?!from_file)|_operator\.|math\.|torch\.sym_)\w+"
)
# PyTorch evaluates expressions of sizes as Python: symbols, numbers, signs and functions of sympy are all they need.
_SYMBOL = re.compile(r"Symbol\('\w+'(, \w+=(True|False))*\)")
_SIZES = re.compile(r"([A-Z]\w*\(|\b[a-zA-Z]\w*\b(?!\()|[\d\s+*/,()<>=-])*")
_LIBRARIES = (".so", ".dll", ".dylib", ".cubin")
_OBJECTS = ("custom_obj", "opaque_obj")


def more_than_computing(path: Path) -> list[str]:
    """What an archive holds that could run code when it is loaded, in words; empty where it only computes.

    Raises:
        NotAnExport: the archive cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted({*_in_names(archive), *_in_scripts(archive), *_in_program(archive), *_pickled(archive)})
    except (OSError, ValueError, KeyError, RecursionError, NotImplementedError, zipfile.BadZipFile) as error:
        raise NotAnExport(f"{path} is not a file of PyTorch's, or it is damaged.") from error


def _in_names(archive: zipfile.ZipFile) -> Iterator[str]:
    for name in archive.namelist():
        last = name.rpartition("/")[2]
        if last.endswith(_LIBRARIES):
            yield f"the library {last}"
        if last.startswith(_OBJECTS):
            yield f"the pickled object {last}"


def _in_scripts(archive: zipfile.ZipFile) -> Iterator[str]:
    for name in archive.namelist():
        if "/code/" in name and name.endswith(".py"):
            for found in _SCRIPT.finditer(archive.read(name).decode("utf-8", "replace")):
                yield f"the operation {found[1] or found[2]}"


def _in_program(archive: zipfile.ZipFile) -> Iterator[str]:
    """Targets of calls and expressions of sizes, wherever they stand in the description of a program."""
    for name in archive.namelist():
        if not name.endswith(".json"):
            continue
        for key, value in _members(json.loads(archive.read(name))):
            if key == "target" and isinstance(value, str) and not _TARGET.match(value):
                yield f"the call of {value}"
            if key == "expr_str" and not _SIZES.fullmatch(_SYMBOL.sub("0", str(value))):
                yield f"the expression {value}"


# What PyTorch's reader ends with on more than tensors, and on bytes that nothing has pickled.
_UNREAD = (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, LookupError, TypeError, AttributeError,
           ArithmeticError, MemoryError, AssertionError, ImportError, struct.error)  # fmt: skip


def _pickled(archive: zipfile.ZipFile) -> Iterator[str]:
    """Members that PyTorch would unpickle and that hold more than tensors."""
    import torch

    names = archive.namelist()
    used = [
        str(value.get("path_name"))
        for name in names
        if name.endswith(".json")
        for _, value in _members(json.loads(archive.read(name)))
        if isinstance(value, dict) and value.get("use_pickle")
    ]
    for name in names:
        if "/sample_inputs/" in name or name.rpartition("/")[2] in used:
            content = archive.read(name)
            try:
                torch.load(io.BytesIO(content), weights_only=True)
            except _UNREAD:
                if content:
                    yield f"the pickled object {name.rpartition('/')[2]}"


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value of nested tables and lists."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield from part.items()
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
