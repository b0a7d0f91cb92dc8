"""Constructor arguments: from JSON to what the constructor takes, and back."""

import glob
import os
import subprocess
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from porter.runtime.model.json_arguments import as_json, as_objects


@dataclass
class Inner:
    rate: float = 0.0


@dataclass
class Config:
    width: int = 4
    inner: Inner = field(default_factory=Inner)


class Module:
    """What layers are in both frameworks: no configuration."""


class Block(Module):
    pass


def takes(config, block=None, sizes=(1, 2), *, kind: str = "a"):
    return config, block, sizes, kind


def annotated(config: "Config | None" = None, table: dict | None = None):
    return config, table


def reads(options):
    return options.depth + options.width


def subscripts(options):
    return options["depth"]


NAMES = {"__name__": __name__, "Config": Config, "Inner": Inner, "Block": Block, "takes": takes}


def test_plain_values_stay():
    given = {"config": 3, "block": None, "kind": "b"}
    assert as_objects(given, takes, NAMES) == given


def test_a_table_becomes_the_only_class_that_takes_its_keys():
    found = as_objects({"config": {"width": 2, "inner": {"rate": 0.5}}}, takes, NAMES)
    assert found == {"config": Config(2, Inner(0.5))}


def test_annotations_decide():
    found = as_objects({"config": {"width": 2}, "table": {"width": 2}}, annotated, NAMES)
    assert found == {"config": Config(2), "table": {"width": 2}}


def test_classes_by_name():
    found = as_objects({"config": {"class": "Config", "arguments": {"width": 1}}, "block": "Block"}, takes, NAMES)
    assert found == {"config": Config(1), "block": Block}
    assert as_objects({"block": {"class": "Block"}}, takes, NAMES) == {"block": Block}
    with pytest.raises(LookupError, match="'Other'"):
        as_objects({"block": {"class": "Other"}}, takes, NAMES)


def test_lists_become_tuples_where_the_default_is_one():
    assert as_objects({"sizes": [3, 4]}, takes, NAMES)["sizes"] == (3, 4)


def test_a_table_that_no_class_takes():
    table = {"depth": 1, "width": 2}
    assert as_objects({"options": table}, reads, {"__name__": __name__})["options"] == SimpleNamespace(**table)
    assert as_objects({"options": table}, subscripts, {"__name__": __name__})["options"] == table


def test_there_and_back():
    given = {"config": Config(2, Inner(0.5)), "block": Block, "sizes": (1, 2), "kind": "a"}
    assert as_objects(as_json(given), takes, NAMES) == given


def test_what_json_cannot_hold_is_left_out():
    assert as_json({"a": 1, "b": object(), "c": 1j}) == {"a": 1}


def test_arguments_name_only_what_belongs_to_the_model():
    names = {**NAMES, "Popen": subprocess.Popen, "system": os.system, "glob": glob.glob}
    for foreign in ("Popen", "system", "glob", "__name__"):
        with pytest.raises(LookupError, match="there is no class"):
            as_objects({"width": {"class": foreign, "arguments": {"args": "false"}}}, takes, names)
        assert as_objects({"width": foreign}, takes, names) == {"width": foreign}
