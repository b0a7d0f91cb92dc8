"""A few of the mutated modeling files of benchmarks/modeling_mutants.py; three hundred of them take half an hour."""

import ast

from benchmarks.modeling_mutants import EXAMPLE, mutants, run

SOURCE = (EXAMPLE / "modeling_brand_new_bert.py").read_text(encoding="utf-8")


def test_mutants_are_python_differ_and_can_be_made_again():
    texts = [text for _, text in mutants(SOURCE, 20, seed=3)]
    assert [text for _, text in mutants(SOURCE, 20, seed=3)] == texts
    assert len({*texts, ast.unparse(ast.parse(SOURCE))}) > 15


def test_each_ends_in_a_sentence_or_in_a_file_that_can_be_imported():
    outcomes = list(run(3, seed=11))
    assert [one for one in outcomes if one.crash] == []
    assert len(outcomes) == 3
