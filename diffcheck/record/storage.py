"""Recordings as files: one safetensors file, its metadata a JSON document; readable without either framework."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from diffcheck.record.recording import Crash, Module, ModuleCall, Parameter, Recording, Structure, flat_arguments
from diffcheck.record.source_text import texts_of
from diffcheck.record.values import Flattened, TensorValue

FORMAT = "diffcheck-recording"
VERSION = 2


class NotARecording(ValueError):
    """The file is none, is cut short, or was written by another version."""


@dataclass(frozen=True)
class Stored:
    """One side's run, complete enough to be compared elsewhere.

    ``noise`` is the side's own rounding per output (see :func:`diffcheck.noise_between`), empty where unknown;
    ``inputs`` are what the model was given; ``sources`` are the texts of the files that the modules are written in,
    which a recording carries with it.
    """

    recording: Recording
    structure: Structure
    inputs: Mapping[str, TensorValue]
    noise: Mapping[str, float]
    sources: Mapping[str, str] = field(default_factory=dict)


def save(stored: Stored, path: Path) -> None:
    """Write a recording; the file appears only when it is complete.

    Raises:
        OSError: the disk does not take it.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    tensors: dict[str, np.ndarray[Any, Any]] = {}

    def keep(named: Mapping[str, TensorValue]) -> dict[str, list[str]]:
        kept = {}
        for name, tensor in named.items():
            key = str(len(tensors))
            tensors[key] = np.ascontiguousarray(tensor.array)
            kept[name] = [key, tensor.dtype]
        return kept

    recording = stored.recording
    document = {
        "framework": recording.framework,
        "structure": asdict(stored.structure),
        "crash": recording.crash and asdict(recording.crash),
        "noise": dict(stored.noise),
        "sources": texts_of((module.file for module in stored.structure.modules), stored.sources),
        "inputs": keep(stored.inputs),
        "output": keep(recording.output.tensors),
        "calls": [
            {
                "path": call.path, "class_name": call.class_name, "order": call.order, "number": call.number,
                "arguments": keep(flat_arguments(call.arguments)), "output": keep(call.output.tensors),
            }
            for call in recording.calls
        ],
    }  # fmt: skip
    if path.exists() and not path.is_file():  # a device, in whose place the file would be
        raise FileExistsError(errno.EEXIST, "This is not a regular file", str(path))
    part = path.with_name(f"{path.name}.part")
    try:
        save_file(tensors, part, {"format": FORMAT, "version": str(VERSION), "document": json.dumps(document)})
        part.replace(path)
    except SafetensorError as error:
        number = int((re.search(r"(?:code: |os error )(\d+)", str(error)) or [0, errno.EIO])[1])
        raise OSError(number, os.strerror(number), str(path)) from error
    finally:
        part.unlink(missing_ok=True)


def load(path: Path) -> Stored:
    """Read a recording.

    Raises:
        NotARecording: see there.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise NotARecording(f"There is no file {path}.")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise NotARecording(f"{path} is not a recording.")
            _check_version(path, metadata.get("version", ""))
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        return _stored(json.loads(metadata["document"]), arrays)
    except NotARecording:
        raise
    except (SafetensorError, OSError) as error:
        raise NotARecording(f"{path} is not a recording, or is cut short.") from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        raise NotARecording(f"{path} is damaged: it does not hold what a recording holds.") from error


def _check_version(path: Path, version: str) -> None:
    if version != str(VERSION):
        newer = version.isdecimal() and version.isascii() and len(version) < 9 and int(version) > VERSION
        raise NotARecording(f"{path} was written by {'a newer' if newer else 'an older'} version.")


def _stored(document: Mapping[str, Any], arrays: Mapping[str, np.ndarray[Any, Any]]) -> Stored:
    def tensors(kept: Mapping[str, list[str]]) -> dict[str, TensorValue]:
        found = {name: TensorValue(arrays[key], dtype) for name, (key, dtype) in kept.items()}
        for value in found.values():
            _check_types(value)
        return found

    calls = tuple(
        ModuleCall(
            call["path"], call["class_name"], call["order"], call["number"],
            tensors(call["arguments"]), Flattened(tensors(call["output"])),
        )
        for call in document["calls"]
    )  # fmt: skip
    told = document["crash"]
    crash = Crash(**{**told, "callers": tuple(told["callers"])}) if told else None
    recording = Recording(document["framework"], calls, Flattened(tensors(document["output"])), crash)
    noise = {str(name): float(value) for name, value in document["noise"].items()}
    sources = {name: text for name, text in document.get("sources", {}).items() if isinstance(text, str)}
    stored = Stored(recording, _structure(document["structure"]), tensors(document["inputs"]), noise, sources)
    for part in (recording, stored.structure):
        _check_types(part)
    known = {module.path for module in stored.structure.modules}
    if not known.issuperset(call.path for call in calls):
        raise ValueError("a call is of a module that the model does not have")
    return stored


def _check_types(part: Any) -> None:
    """Refuse values of a dataclass that are of another type than their field's, members of tuples included.

    Raises:
        TypeError: naming the field.
    """
    hints = get_type_hints(type(part))
    for each in fields(part):
        if not _is_a(getattr(part, each.name), hints[each.name]):
            raise TypeError(f"{each.name} is not a {each.type}")


def _is_a(value: Any, hint: Any) -> bool:
    """Whether a value is of a type; other containers than tuples are made by the reader and not looked into."""
    if get_origin(hint) in (Union, UnionType):
        return any(_is_a(value, choice) for choice in get_args(hint))
    if get_origin(hint) is tuple:
        members = get_args(hint)
        wanted = members[:1] * len(value) if members[-1] is Ellipsis else members
        return len(value) == len(wanted) and all(map(_is_a, value, wanted))
    if is_dataclass(hint) and type(value) is hint:
        _check_types(value)
    return type(value) is hint or get_origin(hint) is not None or (hint is float and type(value) is int)


def _structure(document: Mapping[str, Any]) -> Structure:
    modules = tuple(replace(Module(**m), parameters=tuple(m["parameters"])) for m in document["modules"])
    parameters = tuple(
        replace(Parameter(**p), shape=tuple(p["shape"]), fingerprint=tuple(p["fingerprint"]))
        for p in document["parameters"]
    )
    return Structure(document["framework"], modules, parameters)
