import copy

import pytest

from porter.base.errors import UsageError
from porter.subject.sample_fields import check_case

GOOD = {
    "family": "bert",
    "config_module": "m",
    "config_class": "C",
    "config": {},
    "inputs": [
        {"name": "input_ids", "shape": [2, 3], "dtype": "int64", "gen": {"kind": "randint", "low": 0, "high": 9}}
    ],
    "models": [{"name": "BertModel", "module": "x", "inputs": []}],
}


def test_a_good_case_passes(tmp_path):
    check_case(GOOD, tmp_path)


def test_a_case_without_inputs_is_refused(tmp_path):
    with pytest.raises(UsageError, match="inputs is missing"):
        check_case({key: value for key, value in GOOD.items() if key != "inputs"}, tmp_path)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("config",), [], "config is not a table"),
        (("config_module",), 3, "config_module is not a string"),
        (("models",), {}, "models is not a list"),
        (("models",), [3], "models is not a list of tables"),
        (("models", 0, "name"), 3, "name is not a string"),
        (("models", 0, "inputs"), [3], "inputs is not a list of tables"),
        (("inputs", 0, "gen"), "randint", "gen is not a table"),
        (("inputs", 0, "gen", "low"), "0", "gen.low is not a number"),
        (("inputs", 0, "shape"), [-1], "shape is not a list of sizes"),
        (("inputs", 0, "shape"), [True], "shape is not a list of sizes"),
        (("inputs", 0, "shape"), ["2"], "shape is not a list of sizes"),
        (("inputs", 0, "shape"), [1 << 20, 1 << 20], "holds more than"),
        (("inputs", 0, "dtype"), "float63", "there is no dtype float63"),
    ],
)
def test_a_wrong_field_is_named(tmp_path, path, value, told):
    case = copy.deepcopy(GOOD)
    inner = case
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(UsageError, match=told):
        check_case(case, tmp_path)
