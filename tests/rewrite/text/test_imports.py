"""Guards around imports stay around what they guard, and imports of PyTorch's are what happens where they fail."""

from porter.port.load import import_file


def left(port):
    return [note.message for note in port.all_notes if note.level == "left"]


def test_the_handler_stands_where_the_import_is_pytorchs(ported):
    guard = "\ntry:\n    from torch import compile as fuse\n    FUSED = True\nexcept ImportError:\n    FUSED = False\n"
    port = ported(guard, "\n\ndef fused():\n    return FUSED\n")
    assert import_file(port.file).fused() is False
    assert left(port) == []


def test_the_guard_stays_around_what_may_not_be_installed(ported):
    guard = "\ntry:\n    import no_such_kernel as kernel\nexcept ImportError:\n    kernel = None\n"
    port = ported(guard, "\n\ndef has_kernel():\n    return kernel is not None\n")
    assert import_file(port.file).has_kernel() is False
    assert "import no_such_kernel as kernel" in port.draft.code


def test_a_condition_that_can_be_asked_stays(ported):
    found = 'importlib.util.find_spec("no_such_kernel")'
    guard = f"\nif {found}:\n    from no_such_kernel import fast\nelse:\n    fast = None\n"
    port = ported(guard, "\n\ndef is_fast():\n    return fast is not None\n")
    assert import_file(port.file).is_fast() is False


def test_a_guard_around_names_that_nothing_reads_goes_with_them(ported):
    port = ported("\ntry:\n    import no_such_kernel\nexcept ImportError:\n    pass\n")
    assert "no_such_kernel" not in port.draft.code
    assert left(port) == []


def test_every_use_of_a_star_import_is_an_import(ported):
    port = ported("\nfrom math import *\n", "\n\ndef shared(x):\n    return gcd(x, 6)\n")
    assert import_file(port.file).shared(4) == 2
    assert "from math import gcd" in port.draft.code
