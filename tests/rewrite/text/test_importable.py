"""A draft that could not be imported loses a statement, not the file."""

import pytest

from porter.port.load import import_file
from tests.rewrite.text.conftest import MODEL


def left(port):
    return [note.message for note in port.all_notes if note.level == "left"]


def assumed(port):
    return [note.message for note in port.all_notes if note.level == "assumed"]


def test_a_line_of_the_module_that_only_pytorch_has_is_dropped_with_a_note(ported):
    port = ported("\nif sys.maxsize > 2:\n    torch.backends.cuda.matmul.allow_tf32 = True\n")
    assert import_file(port.file)
    assert left(port) == []
    assert [message for message in assumed(port) if "allow_tf32" in message]


def test_a_class_whose_base_is_missing_raises_when_it_is_made(ported):
    head = "\nfrom transformers.generation.stopping_criteria import StoppingCriteria\n"
    port = ported(
        head, "\n\nclass Stop(StoppingCriteria):\n    limit = 3\n\n    def __call__(self, ids):\n        return ids\n"
    )
    module = import_file(port.file)
    with pytest.raises(NotImplementedError, match=r"^modeling_odd_file.py:\d+: `StoppingCriteria` has no counterpart"):
        module.Stop()
    assert left(port) == ["`StoppingCriteria` has no counterpart in TensorFlow; Stop raises when it is made."]


def test_a_default_that_is_missing_costs_its_function(ported):
    port = ported(
        "",
        "\n\ndef seeded(x, generator=torch.default_generator):\n    return x\n\n\ndef twice(x):\n    return 2 * x\n",
    )
    module = import_file(port.file)
    with pytest.raises(NotImplementedError, match="torch"):
        module.seeded(1)
    assert module.twice(2) == 4


def test_only_the_line_raises_and_the_rest_of_its_function_runs(ported):
    tail = (
        "\n\ndef chosen(x, way=None):\n    if way == 'a':\n        return torch.classes.odd.way(x)\n"
        "    elif torch.classes.odd.knows(way):\n        return x\n    return 2 * x\n"
    )
    port = ported("", tail)
    module = import_file(port.file)
    with pytest.raises(NotImplementedError, match=r"^modeling_odd_file.py:\d+: "):
        module.chosen(1, "a")
    assert "# return torch.classes.odd.way(x)" in port.draft.code
    lines = [note.line for note in port.all_notes if note.level == "left"]
    assert len(set(lines)) == len(lines) >= 1


def test_names_of_annotations_need_not_exist(ported):
    head = "\nfrom transformers.generation.stopping_criteria import StoppingCriteria\n"
    port = ported(
        head, "\n\ndef kept(x: StoppingCriteria) -> StoppingCriteria:\n    y: StoppingCriteria = x\n    return y\n"
    )
    assert import_file(port.file).kept(3) == 3
    assert left(port) == []


def test_code_that_is_not_in_the_port_has_no_notes(ported):
    tail = "\n\ndef load_old(path):\n    return torch.load(path)\n"
    model = (
        MODEL + "\n    @classmethod\n    def from_old(cls, path):\n        cls(None).load_state_dict(load_old(path))\n"
    )
    port = ported("", tail, model)
    assert "load_old" not in port.draft.code
    assert left(port) == []


def test_a_method_that_the_runtimes_class_does_not_have_is_left(ported):
    head = "\nfrom transformers.cache_utils import DynamicCache\n"
    tail = (
        "\n\ndef early(cache):\n    DynamicCache.prefetch(cache, 0)\n    return DynamicCache.get_seq_length(cache)\n"
    )
    (message,) = left(ported(head, tail))
    assert message.startswith("transformers.cache_utils.") and ".prefetch has no counterpart" in message
