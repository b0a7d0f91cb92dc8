"""Which functions hand back what they write into; `test_aliases.py` has what is written for them."""

from porter.rewrite.reading.handed_back import imports_of


def test_a_function_that_a_file_beside_calls_is_found(tmp_path):
    file = tmp_path / "parts.py"
    file.write_text("def step(x, state):\n    state.add_(1)\n    return x\n")
    (tmp_path / "net.py").write_text("from .parts import step\n")
    (tmp_path / "all.py").write_text("from parts import *\n")
    (tmp_path / "other.py").write_text("from .others import step\n")
    (tmp_path / "rest.py").write_text("import parts\n\n\nparts.reset()\n")
    assert [found.name for found in imports_of(file, "step")] == ["all.py", "net.py"]
    assert [found.name for found in imports_of(file, "kept")] == ["all.py"]
    file.write_text(f'{file.read_text()}\n\n__all__ = ["step"]\n')
    assert imports_of(file, "kept") == []
