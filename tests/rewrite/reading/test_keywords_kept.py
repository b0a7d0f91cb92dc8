"""Which functions keep their `**kwargs` as a dictionary."""

from types import ModuleType

import libcst as cst
import pytest
from libcst.metadata import MetadataWrapper, ParentNodeProvider

from porter.rewrite.reading.keywords_kept import KeywordsRead

TEXT = """
from transformers.vision_utils import get_vision_position_ids
def own(grid, kwargs): ...
class Made:
    def __init__(self, **kwargs): ...
"""


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("own(grid, **kwargs)", False),
        ('x = kwargs.get("x")', False),
        ('x = kwargs["x"]', False),
        ('x = "x" in kwargs', False),
        ("get_vision_position_ids(grid, 2, kwargs=kwargs)", False),
        ("own(grid, kwargs=kwargs)", True),
        ("get_vision_position_ids(kwargs, 2)", True),
        ("Made(**kwargs)", True),
        ("dict(**kwargs)", True),
        ("x = kwargs", True),
        ("x = list(kwargs.items())", True),
    ],
)
def test_a_dictionary_is_kept_where_more_is_done_with_it_than_to_pass_it_on(line, kept):
    module = ModuleType("some_model")
    exec(TEXT, vars(module))  # the names that the line may use
    wrapper = MetadataWrapper(cst.parse_module(f"def forward(grid, **kwargs):\n    {line}\n"))
    parents = wrapper.resolve(ParentNodeProvider)
    body = cst.ensure_type(wrapper.module.body[0], cst.FunctionDef).body
    names = [node for node in parents if isinstance(node, cst.Name) and node.value == "kwargs"]
    reads = [node for node in names if any(above is body for above in _above(parents, node))]
    assert reads
    assert KeywordsRead(module, parents).are_kept(reads) is kept


def _above(parents, node):
    while node in parents:
        node = parents[node]
        yield node
