"""The finished file: imports, names that nothing reads, functions that nothing calls."""

import ast


def test_a_runtime_name_that_a_variable_hides_has_an_alias(tiny):
    """`softened` has a parameter called dropout, and calls dropout."""
    assert "from porter.runtime import dropout as tf_dropout" in tiny.draft.code
    assert "scores = tf_dropout(scores, dropout, training=training)" in tiny.text("softened")


def test_functions_that_only_dropped_code_called_are_dropped(tiny):
    assert "stored_path" in tiny.subject.source
    assert "stored_path" not in tiny.draft.code


def test_every_import_is_read_and_every_name_imported(tiny):
    tree = ast.parse(tiny.draft.code)
    imported = {alias.asname or alias.name for node in ast.walk(tree) for alias in getattr(node, "names", [])
                if isinstance(node, (ast.Import, ast.ImportFrom))} - {"annotations"}  # fmt: skip
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert imported <= read
    assert "torch" not in imported | read
    assert "nn" not in imported | read


def test_the_configuration_comes_from_beside_the_file(tiny):
    assert 'TinyConfig = import_beside(__file__, "configuration_tiny").TinyConfig' in tiny.draft.code
    assert (tiny.file.parent / "configuration_tiny.py").is_file()


def test_all_names_the_port(tiny):
    assert '__all__ = ["TFTinyForTokenClassification", "TFTinyModel", "TFTinyPreTrainedModel"]' in tiny.draft.code


def test_the_docstring_says_tensorflow(tiny):
    assert ast.get_docstring(ast.parse(tiny.draft.code)) == (
        "TensorFlow Tiny model: each construct that a pass of the codemod looks for, once."
    )
