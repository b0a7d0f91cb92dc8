"""Weight files of bounded size: which variables lie in which file, and the index that says so."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from porter.runtime.stored.writers import Entry


def shards(entries: Sequence[Entry], limit: int) -> list[list[Entry]]:
    """Split the entries, in their order, into files of at most `limit` bytes; a larger entry has a file to itself."""
    files: list[list[Entry]] = []
    filled = limit + 1
    for entry in entries:
        if filled + entry.size > limit:
            files.append([])
            filled = 0
        files[-1].append(entry)
        filled += entry.size
    return files


def file_names(count: int, ending: str) -> list[str]:
    """`tf_model.h5`, or `tf_model-00001-of-00002.h5` and so on."""
    if count == 1:
        return [f"tf_model.{ending}"]
    return [f"tf_model-{number:05d}-of-{count:05d}.{ending}" for number in range(1, count + 1)]


def write_index(folder: Path, files: Mapping[str, Sequence[Entry]], ending: str) -> Path:
    """Write the index of several files."""
    path = folder / index_name(ending)
    path.write_text(index_text(files), encoding="utf-8")
    return path


def index_name(ending: str) -> str:
    """What the index of several files is called."""
    return f"tf_model.{ending}.index.json"


def index_text(files: Mapping[str, Sequence[Entry]]) -> str:
    """Which variable lies in which file, as JSON."""
    weight_map = {entry.name: file for file, entries in files.items() for entry in entries}
    total = sum(entry.size for entries in files.values() for entry in entries)
    return json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}, indent=2) + "\n"
