"""Recordings as files: one safetensors file, its metadata a JSON document; readable without either framework."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from diffcheck.record.recording import Crash, Module, ModuleCall, Parameter, Recording, Structure, flat_arguments
from diffcheck.record.values import Flattened, TensorValue

FORMAT = "diffcheck-recording"
VERSION = 2


class NotARecording(ValueError):
    """The file is none, is cut short, or was written by another version."""


@dataclass(frozen=True)
class Stored:
    """One side's run, complete enough to be compared elsewhere.

    ``noise`` is the side's own rounding per output (see :func:`diffcheck.noise_between`), empty where unknown;
    ``inputs`` are what the model was given.
    """

    recording: Recording
    structure: Structure
    inputs: Mapping[str, TensorValue]
    noise: Mapping[str, float]


def save(stored: Stored, path: Path) -> None:
    """Write a recording; the file appears only when it is complete."""
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
    part = path.with_name(f"{path.name}.part")
    try:
        save_file(tensors, part, {"format": FORMAT, "version": str(VERSION), "document": json.dumps(document)})
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load(path: Path) -> Stored:
    """Read a recording.

    Raises:
        NotARecording: see there.
        OSError: the file cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise NotARecording(f"{path} is no recording.")
            if int(metadata["version"]) != VERSION:
                age = "a newer" if int(metadata["version"]) > VERSION else "an older"
                raise NotARecording(f"{path} was written by {age} version.")
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise NotARecording(f"{path} is no recording, or is cut short.") from error
    return _stored(json.loads(metadata["document"]), arrays)


def _stored(document: Mapping[str, Any], arrays: Mapping[str, np.ndarray[Any, Any]]) -> Stored:
    def tensors(kept: Mapping[str, list[str]]) -> dict[str, TensorValue]:
        return {name: TensorValue(arrays[key], dtype) for name, (key, dtype) in kept.items()}

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
    return Stored(recording, _structure(document["structure"]), tensors(document["inputs"]), document["noise"])


def _structure(document: Mapping[str, Any]) -> Structure:
    modules = tuple(replace(Module(**m), parameters=tuple(m["parameters"])) for m in document["modules"])
    parameters = tuple(
        replace(Parameter(**p), shape=tuple(p["shape"]), fingerprint=tuple(p["fingerprint"]))
        for p in document["parameters"]
    )
    return Structure(document["framework"], modules, parameters)
