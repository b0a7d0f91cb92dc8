"""Functions that a file takes from a table: they are provided where the runtime has the table."""

from types import SimpleNamespace
from typing import Any

import pytest
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from porter.rewrite.expressions.calls import _is_of_table

TABLE = "ROPE_INIT_FUNCTIONS"
YARN = "transformers.modeling_rope_utils._compute_yarn_parameters"


@pytest.mark.parametrize(
    ("runtime", "name", "expected"),
    [({TABLE}, YARN, True), (set(), YARN, False), ({TABLE}, "transformers.utils.generic.to_py_obj", False)],
)
def test_a_function_of_a_table_that_the_runtime_has_is_provided(runtime: set[str], name: str, expected: bool) -> None:
    module = SimpleNamespace(**{TABLE: ROPE_INIT_FUNCTIONS, "other": 1})
    context: Any = SimpleNamespace(runtime=runtime, source=SimpleNamespace(module=module))
    assert _is_of_table(context, name) is expected
