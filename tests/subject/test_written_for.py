import importlib

import pytest

from porter.subject.written_for import mismatch

PLAIN = "class Model: pass"


def raised(function, *arguments):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever the model's code raises
        function(*arguments)
    return caught.value


def test_a_name_that_this_transformers_lacks_is_named():
    error = raised(exec, "from transformers.utils.import_utils import is_no_longer_there")
    found = mismatch(error, PLAIN, {})
    assert "has no is_no_longer_there in transformers.utils.import_utils" in found.sentence
    assert "written for transformers 4" in found.sentence
    assert "constraints-transformers4.txt" in found.hint


def test_a_module_and_an_attribute_are_named():
    from transformers.cache_utils import DynamicCache

    module = mismatch(raised(importlib.import_module, "transformers.former_module"), PLAIN, {})
    assert "no module transformers.former_module" in module.sentence
    method = mismatch(raised(getattr, DynamicCache(), "get_usable_length"), PLAIN, {})
    assert "no transformers.cache_utils.DynamicCache.get_usable_length" in method.sentence


def test_an_argument_of_a_library_class_is_named():
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    error = raised(lambda: LlamaRotaryEmbedding(dim=8))
    found = mismatch(error, PLAIN, {"LlamaRotaryEmbedding": LlamaRotaryEmbedding})
    assert "no argument 'dim' of LlamaRotaryEmbedding" in found.sentence


def test_the_way_a_file_is_written_counts_where_the_error_says_nothing():
    assert mismatch(KeyError("type"), PLAIN, {}) is None
    found = mismatch(KeyError("type"), '_tied_weights_keys = ["head.weight"]', {}, "4.36.2")
    assert "as files for transformers 4 are" in found.sentence
    assert "saved with 4.36.2" in found.sentence


def test_errors_of_other_packages_say_nothing():
    assert mismatch(raised(exec, "from math import cube_root"), PLAIN, {}) is None
    assert mismatch(raised(getattr, object(), "forward"), PLAIN, {}) is None
